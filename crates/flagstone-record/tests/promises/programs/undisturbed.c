// A program that makes recording hard in the way it is told to, and goes on.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void work(size_t size) {
    for (int i = 0; i < 200000; i++) {
        errno = 7;
        void *object = malloc(size);
        if (object == NULL || errno != 7) _exit(5);
        free(object);
        if (errno != 7) _exit(6);
    }
}

static void *in_thread(void *argument) {
    work(2200);
    return argument;
}

int main(int argc, char **argv) {
    if (strcmp(argv[1], "limit") == 0) {
        struct rlimit limit = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
    } else if (strcmp(argv[1], "descriptors") == 0) {
        for (int fd = 3; fd < 1024; fd++) close(fd);
    } else if (strcmp(argv[1], "folder") == 0) {
        if (chdir("/") != 0) return 7;
    }
    work(2100);
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, NULL);
    work(2100);
    return 42;
}
