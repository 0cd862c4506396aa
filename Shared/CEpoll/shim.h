// The Linux calls of the delivery loop that the Glibc module does not export.
#ifndef CAUSEWAY_CEPOLL_H
#define CAUSEWAY_CEPOLL_H

#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// glibc declares these only under _GNU_SOURCE, which a header that others include must not define.
extern int pthread_setname_np(pthread_t thread, const char *name);
extern int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

#endif
