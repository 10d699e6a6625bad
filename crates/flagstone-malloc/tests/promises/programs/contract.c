// What the C standard, POSIX and glibc's manual say of each function; the argument names a chapter.
#include "promise.h"

// Sizes around whatever may be a limit somewhere.
static const size_t SIZES[] = {0, 1, 7, 8, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200,
    255, 256, 257, 511, 512, 513, 1000, 1023, 1024, 1025, 2047, 2048, 2049, 3000, 4095, 4096, 4097, 8191,
    8192, 8193, 10000, 16384, 20000, 32767, 32768, 32769, 40000, 65535, 65536, 65537, 100000, 131072,
    200000, 262144, 300000, 524287, 524288, 524289, 1000000, 1048576, 1500000, 2097151, 2097152, 2097153,
    3000000, 4194304, 5000000, 8388609};
#define COUNT (sizeof SIZES / sizeof *SIZES)

// Requests that no memory can meet, some of which wrap to small ones when they are rounded.
static const size_t IMPOSSIBLE[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 7, SIZE_MAX - 15, SIZE_MAX - 16,
    SIZE_MAX - 31, SIZE_MAX - 63, SIZE_MAX - 4094, SIZE_MAX - 4095, SIZE_MAX - 4096, SIZE_MAX - 65535,
    SIZE_MAX - 65536, SIZE_MAX - (4 << 20), SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 2, SIZE_MAX / 2,
    SIZE_MAX / 2 - 7, SIZE_MAX / 2 - 15, SIZE_MAX / 2 - 16, SIZE_MAX / 2 - 4095, SIZE_MAX / 2 - 65536,
    SIZE_MAX / 2 - (8 << 20), (size_t)1 << 62, (size_t)1 << 48};
#define IMPOSSIBLE_COUNT (sizeof IMPOSSIBLE / sizeof *IMPOSSIBLE)

static void served(void) {
    const char *names[] = {"malloc", "calloc", "realloc", "reallocarray", "free", "free_sized",
        "free_aligned_sized", "cfree", "aligned_alloc", "posix_memalign", "memalign", "valloc", "pvalloc",
        "malloc_usable_size", "malloc_trim", "malloc_stats", "mallinfo", "mallinfo2", "__libc_malloc",
        "__libc_calloc", "__libc_realloc", "__libc_free", "__libc_memalign", "__libc_valloc",
        "__libc_pvalloc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *function = dlsym(RTLD_DEFAULT, names[i]);
        Dl_info info;
        if (function == NULL || dladdr(function, &info) == 0
            || strstr(info.dli_fname, "libflagstone_malloc.so") == NULL) {
            dprintf(2, "%s is not ours\n", names[i]);
            _exit(9);
        }
    }
    MUST(free_sized != NULL && free_aligned_sized != NULL && cfree != NULL);
}

static void alignment(void) {
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = SIZES[i];
        void *a = malloc(size), *b = calloc(1, size), *c = realloc(NULL, size);
        void *d = reallocarray(NULL, 3, size);
        MUST(is_aligned(a, 16) && is_aligned(b, 16) && is_aligned(c, 16) && is_aligned(d, 16));
        free(a), free(b), free(c), free(d);
        // In steps that skip some, and up to more than a large page.
        for (size_t align = 1; align <= (4 << 20); align *= align < 4096 ? 2 : 4) {
            void *e = aligned_alloc(align, size), *f = memalign(align, size), *g = NULL;
            MUST(is_aligned(e, align) && is_aligned(e, 16));
            MUST(is_aligned(f, align) && is_aligned(f, 16));
            int said = posix_memalign(&g, align, size);
            MUST(align < sizeof(void *) ? said == EINVAL && g == NULL : said == 0 && is_aligned(g, align));
            // The ends are there.
            if (size > 0) ((char *)e)[0] = ((char *)e)[size - 1] = 1;
            if (size > 0) ((char *)f)[0] = ((char *)f)[size - 1] = 1;
            MUST(malloc_usable_size(e) >= size && malloc_usable_size(f) >= size);
            free(e), free(f), free(g);
        }
        void *h = valloc(size), *k = pvalloc(size);
        size_t page = (size_t)sysconf(_SC_PAGESIZE);
        MUST(is_aligned(h, page) && malloc_usable_size(h) >= size);
        MUST(is_aligned(k, page) && malloc_usable_size(k) >= (size + page - 1) / page * page);
        MUST(malloc_usable_size(k) >= page);
        free(h), free(k);
    }
    // Not a power of two: glibc's memalign takes the next one.
    void *l = memalign(3000, 100), *m = memalign(0, 100);
    MUST(is_aligned(l, 4096) && is_aligned(m, 16));
    free(l), free(m);
}

static void no_bytes(void) {
    void *blocks[40];
    for (int i = 0; i < 40; i += 8) {
        void *posix = NULL;
        MUST(posix_memalign(&posix, 64, 0) == 0);
        void *all[] = {malloc(0), calloc(0, 5), calloc(5, 0), realloc(NULL, 0), reallocarray(NULL, 0, 9),
            aligned_alloc(64, 0), memalign(256, 0), posix};
        memcpy(blocks + i, all, sizeof all);
    }
    for (int i = 0; i < 40; i++) {
        MUST(blocks[i] != NULL);
        for (int k = 0; k < i; k++) MUST(blocks[i] != blocks[k]);
    }
    for (int i = 0; i < 40; i++) free(blocks[i]);
    // As in glibc: the block is freed, and there is none.
    errno = 7;
    MUST(realloc(malloc(100), HIDDEN(0)) == NULL && errno == 7);
    MUST(reallocarray(malloc(100), HIDDEN(0), 8) == NULL && errno == 7);
    MUST(reallocarray(malloc(100), 8, HIDDEN(0)) == NULL && errno == 7);
    free(NULL), cfree(NULL), free_sized(NULL, 0), free_aligned_sized(NULL, 64, 0);
    MUST(malloc_usable_size(NULL) == 0 && errno == 7);
}

// Fails with this `errno`, and leaves no other.
#define REFUSED(call, reason)                                                              \
    do {                                                                                   \
        errno = 0;                                                                         \
        MUST((call) == NULL);                                                              \
        MUST(errno == (reason));                                                           \
    } while (0)

static void refusals(void) {
    unsigned char *kept = malloc(100);
    fill(kept, 100, 1);
    for (size_t i = 0; i < IMPOSSIBLE_COUNT; i++) {
        size_t size = HIDDEN(IMPOSSIBLE[i]);
        REFUSED(malloc(size), ENOMEM);
        REFUSED(calloc(1, size), ENOMEM);
        REFUSED(calloc(size, 1), ENOMEM);
        REFUSED(realloc(NULL, size), ENOMEM);
        REFUSED(realloc(kept, size), ENOMEM);
        REFUSED(reallocarray(kept, size, 1), ENOMEM);
        REFUSED(valloc(size), ENOMEM);
        REFUSED(pvalloc(size), ENOMEM);
        for (size_t align = 8; align <= (size_t)1 << 40; align *= 8) {
            REFUSED(aligned_alloc(align, size), ENOMEM);
            REFUSED(memalign(align, size), ENOMEM);
            void *out = kept;
            errno = 7;
            MUST(posix_memalign(&out, align, size) == ENOMEM && out == kept && errno == 7);
        }
    }
    // Products that wrap, to 0, to something small, or to something large.
    size_t half = HIDDEN((size_t)1 << 32), three = HIDDEN(SIZE_MAX / 3 + 2);
    REFUSED(calloc(half, half), ENOMEM);
    REFUSED(calloc(three, 3), ENOMEM);
    REFUSED(calloc(HIDDEN(SIZE_MAX), HIDDEN(SIZE_MAX)), ENOMEM);
    REFUSED(reallocarray(NULL, half, half), ENOMEM);
    REFUSED(reallocarray(kept, half, half), ENOMEM);
    REFUSED(reallocarray(kept, three, 3), ENOMEM);
    // Alignments.
    REFUSED(aligned_alloc(HIDDEN(0), 8), EINVAL);
    REFUSED(aligned_alloc(HIDDEN(3), 8), EINVAL);
    REFUSED(aligned_alloc(HIDDEN(48), 96), EINVAL);
    REFUSED(aligned_alloc(HIDDEN(SIZE_MAX), 8), EINVAL);
    REFUSED(memalign(HIDDEN(SIZE_MAX / 2 + 2), 8), EINVAL);
    REFUSED(memalign(HIDDEN(SIZE_MAX / 2 + 1), 8), ENOMEM);
    REFUSED(aligned_alloc(HIDDEN(SIZE_MAX / 2 + 1), 8), ENOMEM);
    size_t wrong[] = {0, 1, 2, 4, 7, 9, 12, 24, 4095, SIZE_MAX, SIZE_MAX / 2 + 2};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        void *out = kept;
        errno = 7;
        MUST(posix_memalign(&out, HIDDEN(wrong[i]), 8) == EINVAL && out == kept && errno == 7);
    }
    // Whatever was refused, the block is as it was.
    MUST(is_filled(kept, 100, 1));
    free(kept);
}

// From now on the system refuses to take memory back.
static void forbid_giving_back(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_munmap, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    MUST(munmap(&program, 1) == -1 && errno == EPERM);
}

// POSIX: free does not change errno, whatever it has to do, and whether or not that succeeds.
static void kept_errno_once(void) {
    void *blocks[COUNT * 4];
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = SIZES[i];
        blocks[i * 4] = malloc(size);
        blocks[i * 4 + 1] = calloc(2, size);
        blocks[i * 4 + 2] = memalign(8192, size);
        blocks[i * 4 + 3] = realloc(malloc(size), size + 70000);
    }
    errno = 7;
    for (size_t i = 0; i < COUNT * 4; i += 4) {
        free(blocks[i]);
        cfree(blocks[i + 1]);
        free_aligned_sized(blocks[i + 2], 8192, SIZES[i / 4]);
        free_sized(blocks[i + 3], SIZES[i / 4] + 70000);
        MUST(errno == 7);
    }
    malloc_trim(0);
    struct mallinfo2 info = mallinfo2();
    MUST(errno == 7 && info.arena > 0);
}

static void kept_errno(void) {
    kept_errno_once();
    forbid_giving_back();
    // More than the heap keeps for the next time.
    for (int i = 0; i < 3; i++) {
        kept_errno_once();
        void *large[16];
        for (int k = 0; k < 16; k++) MUST((large[k] = malloc(40 << 20)) != NULL);
        errno = 7;
        for (int k = 0; k < 16; k++) free(large[k]);
        MUST(errno == 7);
    }
}

// All of a block that is said to be usable is, and is nobody else's.
static void usable(void) {
    enum { LIVE = 4000 };
    static unsigned char *blocks[LIVE];
    unsigned state = 5;
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < LIVE; i++) {
            size_t size = next_number(&state) % (i % 50 == 0 ? 100000 : 1000);
            blocks[i] = i % 3 == 0 ? aligned_alloc(64, size) : malloc(size);
            MUST(blocks[i] != NULL && malloc_usable_size(blocks[i]) >= size);
            fill(blocks[i], malloc_usable_size(blocks[i]), i);
        }
        for (unsigned i = 0; i < LIVE; i++) {
            MUST(is_filled(blocks[i], malloc_usable_size(blocks[i]), i));
            free(blocks[i]);
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        unsigned char *block = malloc(SIZES[i]);
        size_t size = malloc_usable_size(block);
        fill(block, size, 3);
        // Growing to what is there keeps it.
        unsigned char *same = realloc(block, size);
        MUST(is_filled(same, size, 3) && malloc_usable_size(same) >= size);
        free(same);
    }
}

static void zeroed(void) {
    for (int round = 0; round < 4; round++) {
        void *blocks[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            blocks[i] = malloc(SIZES[i]);
            fill(blocks[i], malloc_usable_size(blocks[i]), (unsigned)i);
        }
        for (size_t i = 0; i < COUNT; i++) free(blocks[i]);
        for (size_t i = 0; i < COUNT; i++) {
            blocks[i] = round % 2 ? calloc(1, SIZES[i]) : calloc(SIZES[i], 1);
            MUST(is_zero(blocks[i], SIZES[i]));
            fill(blocks[i], malloc_usable_size(blocks[i]), (unsigned)i);
        }
        for (size_t i = 0; i < COUNT; i++) free(blocks[i]);
        if (round == 2) malloc_trim(0);
    }
    // Many of a kind, every other one of which is dirty.
    for (int i = 0; i < 20000; i++) {
        unsigned char *dirty = malloc(48), *clean = calloc(3, 16);
        MUST(is_zero(clean, 48));
        memset(dirty, 0xff, 48), memset(clean, 0xff, 48);
        free(dirty), free(clean);
    }
}

static void resized(void) {
    // From every size to every other.
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < COUNT; k++) {
            size_t old = SIZES[i], new = SIZES[k], both = old < new ? old : new;
            if (new == 0) continue;
            unsigned char *block = (i + k) % 5 == 0 ? memalign(4096, old) : malloc(old);
            // Large ones are not filled from end to end, for the time it takes.
            size_t part = both < 4096 ? both : 4096;
            fill(block, part, (unsigned)k), fill(block + both - part, part, (unsigned)k);
            block = (i + k) % 2 ? realloc(block, new) : reallocarray(block, 1, new);
            MUST(is_aligned(block, 16) && malloc_usable_size(block) >= new);
            MUST(is_filled(block, part, (unsigned)k) && is_filled(block + both - part, part, (unsigned)k));
            block[0] = block[new - 1] = 1;
            free(block);
        }
    }
    // A buffer that grows by one byte, one by half, and one that shrinks.
    unsigned char *one = NULL, *half = malloc(1);
    for (size_t size = 1; size < 20000; size++) {
        one = realloc(one, size);
        one[size - 1] = (unsigned char)size;
    }
    for (size_t size = 1; size < 20000; size++) MUST(one[size - 1] == (unsigned char)size);
    size_t had = 1;
    half[0] = 3 * 37 + 11;
    for (size_t size = 2; size < (32 << 20); size += size / 2) {
        half = realloc(half, size);
        fill(half + had, size - had, 3);
        had = size;
    }
    MUST(is_filled(half, had, 3));
    for (size_t size = had; size > 0; size = size * 2 / 3) {
        half = realloc(half, size);
        MUST(half[0] == (unsigned char)(3 * 37 + 11) && is_filled(half + size - 1, 1, 3));
    }
    free(one), free(half);
}

// A machine without memory, as far as this process can see.
static void exhaustion(void) {
    struct rlimit limit = {400 << 20, 400 << 20};
    MUST(setrlimit(RLIMIT_AS, &limit) == 0);
    enum { MOST = 100000 };
    static void *blocks[MOST];
    for (int round = 0; round < 2; round++) {
        const size_t sizes[] = {10 << 20, 1 << 20, 100000, 20000, 5000};
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
            int count = 0;
            errno = 0;
            while (count < MOST && (blocks[count] = malloc(sizes[k])) != NULL) {
                *(int *)blocks[count] = count;
                count++;
            }
            MUST(count < MOST && errno == ENOMEM);
            REFUSED(malloc(40 << 20), ENOMEM);
            REFUSED(calloc(40, 1 << 20), ENOMEM);
            MUST(count * sizes[k] > (100 << 20));
            // The block of who is refused more is as it was.
            REFUSED(realloc(blocks[0], 390 << 20), ENOMEM);
            // Nobody is refused less than he has, though there is no block of that size.
            for (size_t less = 4000; less >= 8 && less < sizes[k]; less = less * 3 / 4) {
                MUST((blocks[0] = realloc(blocks[0], less)) != NULL);
            }
            for (int i = 0; i < count; i++) MUST(*(int *)blocks[i] == i);
            errno = 7;
            for (int i = 0; i < count; i++) free(blocks[i]);
            MUST(errno == 7);
            // What was given back is there for other sizes.
            malloc_trim(0);
        }
    }
    void *again = malloc(100 << 20);
    MUST(again != NULL);
    free(again);
}

static void inner_names(void) {
    void *(*inner_malloc)(size_t) = (void *(*)(size_t))dlsym(RTLD_DEFAULT, "__libc_malloc");
    void *(*inner_memalign)(size_t, size_t) = (void *(*)(size_t, size_t))dlsym(RTLD_DEFAULT, "__libc_memalign");
    void (*inner_free)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "__libc_free");
    for (int i = 0; i < 1000; i++) {
        void *inner = inner_malloc(100), *outer = malloc(100), *aligned = inner_memalign(256, 100);
        MUST(is_aligned(aligned, 256) && malloc_usable_size(inner) == malloc_usable_size(outer));
        fill(inner, 100, 1), fill(outer, 100, 2);
        MUST(is_filled(inner, 100, 1));
        free(inner), inner_free(outer), inner_free(aligned);
    }
}

static void told(void) {
    struct mallinfo2 before = mallinfo2();
    void *block = malloc(50 << 20);
    struct mallinfo2 during = mallinfo2();
    MUST(during.arena >= during.uordblks + during.fordblks);
    MUST(during.uordblks >= (50 << 20) && during.uordblks >= before.uordblks + (50 << 20));
    MUST((size_t)mallinfo().arena == during.arena);
    free(block);
    MUST(mallinfo2().uordblks < during.uordblks);
    // Whatever there was to give back, it is given back at once.
    malloc_trim(0);
    MUST(malloc_trim(0) == 0);
    malloc_stats();
}

// Another file comes under every number that the library may have kept for itself.
static void taken(void) {
    FILE *other = fopen(getenv("OTHER_FILE"), "w");
    MUST(other != NULL);
    for (int fd = 10; fd < 400; fd++) MUST(dup2(fileno(other), fd) == fd);
}

int main(int argc, char **argv) {
    // Who waits for ever has failed.
    alarm(300);
    static const struct {
        const char *name;
        void (*chapter)(void);
    } chapters[] = {{"served", served}, {"alignment", alignment}, {"no_bytes", no_bytes},
        {"refusals", refusals}, {"kept_errno", kept_errno}, {"usable", usable}, {"zeroed", zeroed},
        {"resized", resized}, {"exhaustion", exhaustion}, {"inner_names", inner_names}, {"told", told},
        {"taken", taken}};
    for (size_t i = 0; i < sizeof chapters / sizeof *chapters; i++) {
        if (argc == 2 && strcmp(argv[1], chapters[i].name) == 0) {
            chapters[i].chapter();
            puts("kept");
            return 0;
        }
    }
    return 8;
}
