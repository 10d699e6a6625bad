// Starts processes in every way there is. Sizes tell who allocated what.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void work(size_t size) {
    for (int i = 0; i < 10000; i++) free(malloc(size));
    malloc(size);
}

static void *busy(void *stop) {
    while (!__atomic_load_n((int *)stop, __ATOMIC_ACQUIRE)) {
        work(8500);
        usleep(100); // leaves the processor to the child
    }
    return NULL;
}

static int wait_for(pid_t pid) {
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

// The parent and one of its threads go on allocating while the child does.
static int forked(pid_t (*fork_like)(void)) {
    int stop = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, busy, &stop);
    void *inherited = malloc(8100);
    for (int round = 0; round < 10; round++) {
        pid_t child = fork_like();
        if (child == 0) {
            free(inherited);
            work(8200);
            _exit(0);
        }
        work(8000);
        if (wait_for(child) != 0) return 1;
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    return 0;
}

static pid_t raw_fork(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

int main(int argc, char **argv) {
    const char *how = argv[1];
    if (strcmp(how, "image") == 0) {
        work(8300);
        for (char **entry = environ; *entry; entry++) {
            if (strncmp(*entry, "MARK=", 5) == 0) malloc(8400);
            if (strncmp(*entry, "V=", 2) == 0) malloc(8402);
        }
        return 0;
    }
    work(8000);
    char *image[] = {argv[0], "image", NULL};
    if (strcmp(how, "fork") == 0) return forked(fork);
    if (strcmp(how, "raw") == 0) return forked(raw_fork);
    if (strcmp(how, "exec") == 0) execv(argv[0], image);
    char *empty[] = {"MARK=1", NULL};
    if (strcmp(how, "empty-exec") == 0) execve(argv[0], image, empty);
    if (strcmp(how, "cleared-exec") == 0) {
        clearenv();
        putenv(empty[0]);
        execvp(argv[0], image);
    }
    if (strcmp(how, "large-exec") == 0) {
        static char *large[2001];
        for (int i = 0; i < 2000; i++) large[i] = "V=1";
        execve(argv[0], image, large);
    }
    if (strcmp(how, "empty-spawn") == 0) {
        pid_t child;
        if (posix_spawn(&child, argv[0], NULL, NULL, image, empty) != 0) return 2;
        return wait_for(child);
    }
    if (strcmp(how, "spawn") == 0) {
        pid_t child;
        if (posix_spawn(&child, argv[0], NULL, NULL, image, environ) != 0) return 2;
        work(8000);
        return wait_for(child);
    }
    if (strcmp(how, "vfork") == 0) {
        pid_t child = vfork();
        if (child == 0) {
            execv(argv[0], image);
            _exit(3);
        }
        work(8000);
        return wait_for(child);
    }
    return 4;
}
