// What the programs share. A condition that does not hold is named, and ends the program.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Written without the heap.
#define MUST(condition)                                                                    \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            dprintf(2, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);      \
            _exit(9);                                                                      \
        }                                                                                  \
    } while (0)

// C23, and older than C; the C library in use declares none of them, or hides it.
__attribute__((weak)) void free_sized(void *, size_t);
__attribute__((weak)) void free_aligned_sized(void *, size_t, size_t);
__attribute__((weak)) void cfree(void *);

// So that the compiler knows of no size and cannot warn of it, or do without the call.
#define HIDDEN(number) ({ volatile size_t hidden = (number); hidden; })

static inline int is_aligned(const void *block, size_t align) {
    return block != NULL && (uintptr_t)block % align == 0;
}

// Bytes that differ from block to block.
static inline void fill(void *block, size_t size, unsigned seed) {
    memset(block, (int)(seed * 37 + 11) & 0xff, size);
}

static inline int is_filled(const void *block, size_t size, unsigned seed) {
    const unsigned char *bytes = block;
    unsigned char expected = (unsigned char)(seed * 37 + 11);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != expected) return 0;
    }
    return 1;
}

static inline int is_zero(const void *block, size_t size) {
    const unsigned char *bytes = block;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) return 0;
    }
    return 1;
}

// A number that looks random and is the same every time.
static inline unsigned next_number(unsigned *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
