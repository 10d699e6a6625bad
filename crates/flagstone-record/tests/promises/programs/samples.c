// Allocates many objects of a few sizes, in two threads.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = {1, 32, 700, 40000};

static void *work(void *argument) {
    for (int i = 0; i < 100000; i++) {
        void *objects[4];
        for (int k = 0; k < 4; k++) objects[k] = malloc(sizes[k]);
        for (int k = 0; k < 4; k++) free(objects[k]);
    }
    return argument;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "resized") == 0) {
        for (int i = 0; i < 100; i++) free(realloc(malloc(10), 1000000));
        return 0;
    }
    pthread_t thread;
    pthread_create(&thread, NULL, work, NULL);
    work(NULL);
    pthread_join(thread, NULL);
    return 0;
}
