// Allocates from known places.
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PLACE __attribute__((noinline, noclone))
static volatile int zero;

PLACE void *inner(size_t size) {
    char *object = malloc(size);
    object[0] = (char)zero;
    return object;
}
PLACE char *middle(size_t size) { return (char *)inner(size) + zero; }
PLACE char *outer(size_t size) { return middle(size) + zero; }
PLACE char *aligned(size_t size) {
    char room[64] __attribute__((aligned(64)));
    memset(room, zero, sizeof room);
    __asm__ volatile("" : : "r"(room) : "memory");
    return (char *)inner(size) + room[zero];
}
PLACE char *variable(size_t size) {
    char *room = __builtin_alloca(100 + zero);
    memset(room, zero, 100);
    __asm__ volatile("" : : "r"(room) : "memory");
    return (char *)inner(size) + room[zero];
}
PLACE char *grows(size_t size) { return (char *)realloc(inner(10), size) + zero; }
PLACE char *deep(size_t size, int depth) {
    return (depth == 0 ? inner(size) : deep(size, depth - 1)) + zero;
}
PLACE void *in_thread(void *argument) {
    free((char *)inner(7006) + zero);
    return argument;
}

static ucontext_t outside, inside;
PLACE void in_context(void) {
    for (;;) {
        free((char *)inner(7200) + zero);
        swapcontext(&inside, &outside);
    }
}

PLACE void *in_small_thread(void *argument) {
    free((char *)inner(7400) + zero);
    return argument;
}
PLACE void handler(int signal) { free((char *)inner(7500) + zero); }

int main(int argc, char **argv) {
    const char *how = argv[1];
    if (strcmp(how, "all") == 0) {
        free(outer(7001));
        free((char *)inner(7002) + zero);
        free(aligned(7003));
        free(variable(7004));
        free(grows(7005));
        pthread_t thread;
        pthread_create(&thread, NULL, in_thread, NULL);
        pthread_join(thread, NULL);
    } else if (strcmp(how, "small") == 0) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 16 * 1024);
        pthread_t thread;
        if (pthread_create(&thread, &attributes, in_small_thread, NULL) != 0) return 5;
        pthread_join(thread, NULL);
    } else if (strcmp(how, "handler") == 0) {
        static char room[8 * 1024];
        stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
        struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
        if (sigaltstack(&stack, NULL) != 0 || sigaction(SIGUSR1, &action, NULL) != 0) return 6;
        for (int i = 0; i < 100; i++) raise(SIGUSR1);
    } else if (strcmp(how, "deep") == 0) {
        for (int depth = 0; depth < 200; depth++) free(deep(7100, depth));
    } else if (strcmp(how, "context") == 0) {
        static char stack[64 * 1024];
        getcontext(&inside);
        inside.uc_stack.ss_sp = stack;
        inside.uc_stack.ss_size = sizeof stack;
        makecontext(&inside, in_context, 0);
        for (int i = 0; i < 5000; i++) swapcontext(&outside, &inside);
    } else if (strcmp(how, "kill") == 0) {
        for (int i = 0; i < 30000; i++) free(deep(7300 + i % 100, i % 10));
        kill(getpid(), SIGKILL);
    } else if (strcmp(how, "fork") == 0) {
        free(outer(7001));
        if (fork() == 0) {
            free((char *)inner(7002) + zero);
            _exit(0);
        }
        wait(NULL);
    }
    return 0;
}
