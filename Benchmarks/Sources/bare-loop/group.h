// The connections that get the same events, and the bytes of those events.
#ifndef BARE_LOOP_GROUP_H
#define BARE_LOOP_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How often a connection is written to.
enum delivery {
    deliver_single, // one send(2) for each event and connection
    deliver_joined, // one send(2) for all that has gathered
};

struct group;

// One client. Its place in the group's bytes is all there is to it.
struct connection {
    int descriptor;
    uint32_t index;      // among the members of its group
    struct group *group; // NULL until its request has been read
    char *request;       // what has come of the request, while it is incomplete
    size_t position;     // in the group's bytes: what comes before has been sent
    size_t event;        // the event that `position` lies in
    bool blocked;        // the socket takes no more; it is written to again when epoll says so
};

struct group {
    struct connection **members;
    size_t count, capacity;
    char *bytes; // the events that someone has still to get
    size_t length, bytes_capacity;
    size_t *ends; // where each event ends
    size_t events, ends_capacity;
    size_t offered; // up to here everybody who is not blocked has been written to
    size_t blocked; // members that are
};

// Makes `connection` a member that gets what is appended from now on.
void group_add(struct group *group, struct connection *connection);
void group_remove(struct connection *connection);
// Appends one event.
void group_append(struct group *group, const char *bytes, size_t length);
// Sends what has been appended to every member whose socket takes it.
void group_deliver(struct group *group, enum delivery delivery);
// Goes on with a member whose socket was full.
void group_resume(struct connection *connection, enum delivery delivery);

// `realloc` that ends the process with a sentence instead of returning NULL.
void *grow(void *memory, size_t size);

#endif
