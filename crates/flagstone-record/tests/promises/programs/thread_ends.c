// Threads that come and go, and allocate and free while they end.
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

enum { THREADS = 1000, AT_ONCE = 10 };

static pthread_key_t key;

// Runs while the thread ends, several times: the last frees what the first allocated.
static void at_end(void *value) {
    free(value);
    static __thread int rounds;
    if (++rounds < 3) {
        for (int i = 0; i < 20; i++) free(malloc(3100));
        pthread_setspecific(key, malloc(3001 + rounds));
    }
}

static void *run(void *argument) {
    void *own = malloc(3000);
    pthread_setspecific(key, malloc(3001));
    free(own);
    return malloc(3200);
}

int main(void) {
    pthread_key_create(&key, at_end);
    pthread_t threads[AT_ONCE];
    for (int i = 0; i < THREADS; i += AT_ONCE) {
        for (int j = 0; j < AT_ONCE; j++) pthread_create(&threads[j], NULL, run, NULL);
        for (int j = 0; j < AT_ONCE; j++) {
            void *result;
            pthread_join(threads[j], &result);
            free(result);
        }
    }
    return 0;
}
