// Threads that allocate, free each other's blocks, and end; the argument names a chapter.
#include "promise.h"

enum { THREADS = 4, SLOTS = 512 };

struct Block {
    unsigned char *bytes;
    size_t size;
    unsigned seed;
};

static struct Block new_block(unsigned *state) {
    unsigned kind = next_number(state) % 16;
    size_t size = next_number(state) % (kind == 0 ? 150000 : kind < 4 ? 5000 : 300) + 1;
    struct Block block = {NULL, size, *state};
    switch (kind % 4) {
    case 0: block.bytes = malloc(size); break;
    case 1:
        block.bytes = calloc(1, size);
        MUST(is_zero(block.bytes, size));
        break;
    case 2: block.bytes = aligned_alloc(128, size); break;
    default: block.bytes = realloc(malloc(size / 2), size);
    }
    MUST(is_aligned(block.bytes, kind % 4 == 2 ? 128 : 16));
    fill(block.bytes, size, block.seed);
    return block;
}

static void end_block(struct Block block) {
    if (block.bytes == NULL) return;
    MUST(is_filled(block.bytes, block.size, block.seed));
    free(block.bytes);
}

// Blocks of nobody in particular: who puts one in frees what was there, whoever's it was.
static struct Block slots[SLOTS];
static pthread_mutex_t locks[SLOTS];

static void *exchange(void *argument) {
    unsigned state = (unsigned)(uintptr_t)argument;
    for (int i = 0; i < 8000; i++) {
        struct Block mine = new_block(&state);
        unsigned at = next_number(&state) % SLOTS;
        pthread_mutex_lock(&locks[at]);
        struct Block theirs = slots[at];
        slots[at] = mine;
        pthread_mutex_unlock(&locks[at]);
        end_block(theirs);
    }
    return NULL;
}

static void exchanged(void) {
    for (int i = 0; i < SLOTS; i++) pthread_mutex_init(&locks[i], NULL);
    for (unsigned round = 0; round < 2; round++) {
        pthread_t threads[THREADS];
        for (uintptr_t i = 0; i < THREADS; i++) {
            MUST(pthread_create(&threads[i], NULL, exchange, (void *)(i + 1 + round * 100)) == 0);
        }
        for (int i = 0; i < THREADS; i++) MUST(pthread_join(threads[i], NULL) == 0);
    }
    // Those who allocated these have ended.
    for (int i = 0; i < SLOTS; i++) end_block(slots[i]);
}

// A thread whose blocks outlive it, and which frees those of the thread before it.
static void *relay(void *argument) {
    struct Block *baton = argument;
    unsigned state = baton[0].seed + 1;
    for (int i = 0; i < 64; i++) {
        end_block(baton[i]);
        baton[i] = new_block(&state);
    }
    return NULL;
}

static void relayed(void) {
    static struct Block baton[64];
    for (int i = 0; i < 300; i++) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, relay, baton) == 0);
        MUST(pthread_join(thread, NULL) == 0);
    }
    for (int i = 0; i < 64; i++) end_block(baton[i]);
}

// Many short threads must not leave more and more memory behind.
static void *touch_and_go(void *argument) {
    void *blocks[100];
    for (int i = 0; i < 100; i++) {
        blocks[i] = malloc(2000);
        memset(blocks[i], 1, 2000);
    }
    for (int i = 0; i < 100; i++) free(blocks[i]);
    return argument;
}

static size_t resident_kib(void) {
    char text[64] = {0};
    FILE *file = fopen("/proc/self/statm", "r");
    MUST(file != NULL && fgets(text, sizeof text, file) != NULL);
    fclose(file);
    unsigned long whole, resident;
    MUST(sscanf(text, "%lu %lu", &whole, &resident) == 2);
    return resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static void nothing_left(void) {
    size_t before = 0;
    for (int i = 0; i < 3000; i++) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, touch_and_go, NULL) == 0);
        MUST(pthread_join(thread, NULL) == 0);
        if (i == 100) before = resident_kib();
    }
    // 3000 threads times 200 KB would be 600 MB.
    MUST(resident_kib() < before + 16 * 1024);
}

// Destructors of thread-specific data run when much of the thread is gone already, in rounds.
static pthread_key_t key;

static void late(void *value) {
    struct Block *block = value;
    unsigned state = block->seed;
    struct Block other = new_block(&state);
    end_block(*block);
    free(block);
    end_block(other);
    static __thread int rounds;
    if (++rounds < 3) {
        struct Block *next = malloc(sizeof *next);
        *next = new_block(&state);
        pthread_setspecific(key, next);
    }
}

static void *ends_late(void *argument) {
    unsigned state = (unsigned)(uintptr_t)argument;
    struct Block *block = malloc(sizeof *block);
    *block = new_block(&state);
    pthread_setspecific(key, block);
    return NULL;
}

// The heap is first used by this thread when the thread ends.
static void *ends_unused(void *argument) {
    pthread_setspecific(key, argument);
    return NULL;
}

static void ended(void) {
    MUST(pthread_key_create(&key, late) == 0);
    for (uintptr_t i = 0; i < 200; i++) {
        unsigned state = (unsigned)i;
        struct Block *block = malloc(sizeof *block);
        *block = new_block(&state);
        pthread_t with, without;
        MUST(pthread_create(&with, NULL, ends_late, (void *)i) == 0);
        MUST(pthread_create(&without, NULL, ends_unused, block) == 0);
        MUST(pthread_join(with, NULL) == 0 && pthread_join(without, NULL) == 0);
    }
}

static volatile int stop;

static void *restless(void *argument) {
    unsigned state = (unsigned)(uintptr_t)argument;
    struct Block mine[32] = {{0}};
    while (!stop) {
        unsigned at = next_number(&state) % 32;
        end_block(mine[at]);
        mine[at] = new_block(&state);
    }
    for (int i = 0; i < 32; i++) end_block(mine[i]);
    return NULL;
}

// A child has only the thread that forked; what the others were doing in the heap, it must not wait for.
static void forked(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        MUST(pthread_create(&threads[i], NULL, restless, (void *)(i + 1)) == 0);
    }
    unsigned state = 99;
    for (int i = 0; i < 25; i++) {
        struct Block kept = new_block(&state);
        pid_t child = fork();
        MUST(child >= 0);
        if (child == 0) {
            alarm(200);
            // What it inherited is its own, and so is what it allocates, in threads of its own as well.
            end_block(kept);
            struct Block blocks[200];
            for (int k = 0; k < 200; k++) blocks[k] = new_block(&state);
            for (int k = 0; k < 200; k++) end_block(blocks[k]);
            pthread_t thread;
            MUST(pthread_create(&thread, NULL, touch_and_go, NULL) == 0);
            MUST(pthread_join(thread, NULL) == 0);
            pid_t grandchild = fork();
            MUST(grandchild >= 0);
            if (grandchild == 0) {
                alarm(200);
                end_block(new_block(&state));
                _exit(0);
            }
            int how = 1;
            MUST(waitpid(grandchild, &how, 0) == grandchild && how == 0);
            exit(0);
        }
        int how = 1;
        MUST(waitpid(child, &how, 0) == child);
        MUST(how == 0);
        end_block(kept);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++) MUST(pthread_join(threads[i], NULL) == 0);
}

// The end of a process whose threads go on: handlers and destructors use the heap as before.
static struct Block last;

static void handler(void) {
    unsigned state = 3;
    end_block(last);
    end_block(new_block(&state));
}

__attribute__((destructor)) static void destructor(void) {
    unsigned state = 4;
    end_block(new_block(&state));
}

static void exits(void) {
    for (uintptr_t i = 0; i < THREADS; i++) {
        pthread_t thread;
        MUST(pthread_create(&thread, NULL, restless, (void *)(i + 1)) == 0);
    }
    unsigned state = 5;
    last = new_block(&state);
    MUST(atexit(handler) == 0);
    puts("kept");
    exit(0);
}

int main(int argc, char **argv) {
    // Who waits for ever has failed.
    alarm(300);
    static const struct {
        const char *name;
        void (*chapter)(void);
    } chapters[] = {{"exchanged", exchanged}, {"relayed", relayed}, {"nothing_left", nothing_left},
        {"ended", ended}, {"forked", forked}, {"exits", exits}};
    for (size_t i = 0; i < sizeof chapters / sizeof *chapters; i++) {
        if (argc == 2 && strcmp(argv[1], chapters[i].name) == 0) {
            chapters[i].chapter();
            puts("kept");
            return 0;
        }
    }
    return 8;
}
