// Does what no program should, and says what it finds; the argument names the deed.
#include "promise.h"

// Whether what was in a freed block can be read.
static void reads(void) {
    char *volatile block = malloc(100);
    fill(block, 100, 1);
    free(block);
    // The first bytes are the heap's.
    puts(is_zero(block + 16, 84) ? "zeroes" : "what was there");
}

// Whether a freed block is the next one.
static void reuses(void) {
    void *volatile block = malloc(100);
    free(block);
    void *volatile next = malloc(100);
    puts(next == block ? "the same" : "another");
}

static void writes(void) {
    size_t *volatile block = malloc(100);
    free(block);
    block[0] = 7;
    block[3] = 1;
    for (int i = 0; i < 3000; i++) {
        void *volatile lost = malloc(100);
        (void)lost;
    }
    puts("unseen");
}

static void frees_twice(void) {
    void *volatile block = malloc(100), *volatile other = malloc(100);
    free(block), free(other), free(block);
    puts("unseen");
}

static void frees_a_part(void) {
    char *volatile block = malloc(100);
    free(block + 16);
    puts("unseen");
}

// Writes to what it has freed, until that is noticed.
static void touches(void) {
    for (int i = 0; i < 100000; i++) {
        char *volatile block = malloc(40);
        free(block);
        // Behind the heap's own word.
        block[20] = 1;
        void *volatile lost = malloc(3000);
        (void)lost;
    }
    puts("unseen");
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*deed)(void);
    } deeds[] = {{"reads", reads}, {"reuses", reuses}, {"writes", writes}, {"frees_twice", frees_twice},
        {"frees_a_part", frees_a_part}, {"touches", touches}};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        if (argc == 2 && strcmp(argv[1], deeds[i].name) == 0) {
            deeds[i].deed();
            return 0;
        }
    }
    return 8;
}
