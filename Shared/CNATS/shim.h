// nats.c, and what it does not offer: the public half of an NKey, which libcrypto (a dependency of nats.c) derives, and the scheduling policy of
// its threads, which Glibc's module does not declare.
#ifndef CAUSEWAY_CNATS_H
#define CAUSEWAY_CNATS_H

#include <linux/sched.h>
#include <nats/nats.h>
#include <openssl/evp.h>

#endif
