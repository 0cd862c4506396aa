#define _GNU_SOURCE
#include "clinux.h"

#include <errno.h>
#include <sched.h>

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
