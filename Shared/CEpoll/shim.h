// The Linux calls of the delivery loop that the Glibc module does not export.
#ifndef CAUSEWAY_CEPOLL_H
#define CAUSEWAY_CEPOLL_H

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

// glibc declares this only under _GNU_SOURCE, which a header that others include must not define.
extern int pthread_setname_np(pthread_t thread, const char *name);

#endif
