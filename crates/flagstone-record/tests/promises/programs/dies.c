// Allocates a known number of objects in two threads and dies in the way it is told to.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OBJECTS = 50000 };

static pthread_barrier_t done;

static void *run(void *argument) {
    for (int i = 0; i < OBJECTS; i++) {
        void *object = malloc(4000);
        if (i % 2) free(object);
    }
    pthread_barrier_wait(&done);
    for (;;) pause();
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t thread;
    pthread_barrier_init(&done, NULL, 2);
    pthread_create(&thread, NULL, run, NULL);
    for (int i = 0; i < OBJECTS; i++) {
        if (malloc(24) == NULL) return 2;
    }
    pthread_barrier_wait(&done);
    if (strcmp(argv[1], "kill") == 0) kill(getpid(), SIGKILL);
    if (strcmp(argv[1], "abort") == 0) abort();
    if (strcmp(argv[1], "exit") == 0) _exit(3);
    return 1;
}
