// Four threads in a ring: each allocates objects of its own size and frees those of the one
// before it. Sizes are few, so addresses change hands all the time.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { THREADS = 4, OBJECTS = 20000, SLOTS = 64 };

static _Atomic(void *) slots[THREADS][SLOTS];

static void *run(void *argument) {
    uintptr_t me = (uintptr_t)argument, next = (me + 1) % THREADS;
    int given = 0, taken = 0;
    while (given < OBJECTS || taken < OBJECTS) {
        int before = given + taken;
        if (given < OBJECTS && atomic_load(&slots[next][given % SLOTS]) == NULL) {
            void *object = malloc(5000 + me);
            if (given % 3 == 0) object = realloc(object, 6000 + me);
            atomic_store(&slots[next][given++ % SLOTS], object);
        }
        if (taken < OBJECTS) {
            void *object = atomic_exchange(&slots[me][taken % SLOTS], NULL);
            if (object != NULL) {
                taken++;
                if (taken % 5 == 0) object = realloc(object, 7000);
                free(object);
            }
        }
        if (given + taken == before) sched_yield();
        else free(malloc(5100));
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, run, (void *)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    return 0;
}
