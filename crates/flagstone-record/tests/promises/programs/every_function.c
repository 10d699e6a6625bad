// Calls every allocation function once or twice with sizes that nobody else uses.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static void must(int condition) {
    if (!condition) _exit(9);
}

// Runs before main.
__attribute__((constructor)) static void early(void) {
    free(calloc(1, 700001));
}

int main(void) {
    free(malloc(700002));
    free(calloc(7, 100003));
    char *chain = malloc(700010);
    for (int i = 1; i <= 5; i++) must((chain = realloc(chain, 700010 + i * 1000000)) != NULL);
    free(chain);
    free(realloc(NULL, 700020));
    void *gone = malloc(700021);
    void *none = realloc(gone, 0);
    must(none == NULL);
    free(reallocarray(NULL, 7, 100031));
    free(reallocarray(malloc(700032), 7, 100033));
    void *aligned = NULL;
    must(posix_memalign(&aligned, 256, 700040) == 0 && (uintptr_t)aligned % 256 == 0);
    must(malloc_usable_size(aligned) >= 700040);
    free(aligned);
    free(aligned_alloc(512, 700041));
    free(memalign(8192, 700042));
    free(valloc(700043));
    free(pvalloc(700044));
    malloc(700050); // lost on purpose

    // Failures are no events.
    volatile size_t too_much = SIZE_MAX / 2;
    void *volatile kept = malloc(700060);
    must(malloc(too_much) == NULL && calloc(too_much, 3) == NULL);
    must(realloc(kept, too_much) == NULL);
    errno = 0;
    must(reallocarray(kept, too_much, 3) == NULL && errno == ENOMEM);
    must(posix_memalign(&aligned, 3, 700061) == EINVAL);
    free(kept);
    free(NULL);
    return 0;
}
