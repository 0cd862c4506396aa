// nats.c, and the one thing it does not offer: the public half of an NKey, which libcrypto (a dependency of nats.c) derives.
#ifndef CAUSEWAY_CNATS_H
#define CAUSEWAY_CNATS_H

#include <nats/nats.h>
#include <openssl/evp.h>

#endif
