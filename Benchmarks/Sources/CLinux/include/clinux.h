// The Linux calls of the load tool that the Glibc module does not export.
#ifndef CAUSEWAY_CLINUX_H
#define CAUSEWAY_CLINUX_H

#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

// Lets one thread run on one processor only. Returns 0, or -1 with `errno` set.
// A function and not a macro because glibc declares `cpu_set_t` only under _GNU_SOURCE, which a public header must not define.
int clinux_pin_thread(pid_t thread, int processor);

// Starts a program that gets SIGTERM when the calling thread ends, with standard output and error written to `output`.
// Returns its process id, or -1 with `errno` set; a program that cannot be executed ends with status 127.
pid_t clinux_start(const char *path, char *const arguments[], char *const environment[], int output);

#endif
