#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int clinux_pin_thread(pid_t thread, int processor) {
    if (processor < 0 || processor >= CPU_SETSIZE) {
        errno = EINVAL;
        return -1;
    }
    cpu_set_t processors;
    CPU_ZERO(&processors);
    CPU_SET(processor, &processors);
    return sched_setaffinity(thread, sizeof processors, &processors);
}

pid_t clinux_start(const char *path, char *const arguments[], char *const environment[], int output) {
    pid_t parent = getpid();
    pid_t child = fork();
    if (child != 0) return child;
    // Only calls that are safe between fork(2) and execve(2) in a process with threads.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0) _exit(127);
    execve(path, arguments, environment);
    _exit(127);
}
