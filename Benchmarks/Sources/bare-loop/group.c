#include "group.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    // Events are forgotten when everybody has them and they are at least this many bytes.
    forget_bytes = 1 << 20,
    // More than this waiting for its readers is a mistake of the caller.
    most_bytes = 1 << 30,
};

void *grow(void *memory, size_t size) {
    void *grown = realloc(memory, size);
    if (grown == NULL) {
        fputs("bare-loop: out of memory; run with fewer connections or events\n", stderr);
        exit(1);
    }
    return grown;
}

// Makes room for one more of `count` elements of `size` bytes.
static void *room(void *elements, size_t *capacity, size_t count, size_t size) {
    if (count < *capacity) return elements;
    *capacity = *capacity == 0 ? 64 : *capacity * 2;
    return grow(elements, *capacity * size);
}

void group_add(struct group *group, struct connection *connection) {
    group->members = room(group->members, &group->capacity, group->count, sizeof *group->members);
    connection->group = group;
    connection->index = group->count;
    connection->position = group->length;
    connection->event = group->events;
    group->members[group->count++] = connection;
}

void group_remove(struct connection *connection) {
    struct group *group = connection->group;
    struct connection *last = group->members[--group->count];
    group->members[connection->index] = last;
    last->index = connection->index;
    if (connection->blocked) group->blocked--;
    connection->group = NULL;
}

void group_append(struct group *group, const char *bytes, size_t length) {
    if (group->length + length > most_bytes) {
        fputs("bare-loop: more than 1 GiB of events wait for their readers; publish fewer at a time\n", stderr);
        exit(1);
    }
    if (group->length + length > group->bytes_capacity) {
        group->bytes_capacity = (group->length + length) * 2;
        group->bytes = grow(group->bytes, group->bytes_capacity);
    }
    memcpy(group->bytes + group->length, bytes, length);
    group->length += length;
    group->ends = room(group->ends, &group->ends_capacity, group->events, sizeof *group->ends);
    group->ends[group->events++] = group->length;
}

// Writes from the connection's position on. Returns whether everything is sent; a socket that fails is reported by epoll.
static bool write_on(struct connection *connection, enum delivery delivery) {
    struct group *group = connection->group;
    while (connection->position < group->length) {
        size_t end = delivery == deliver_joined ? group->length : group->ends[connection->event];
        size_t offered = end - connection->position;
        ssize_t sent = send(connection->descriptor, group->bytes + connection->position, offered, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        connection->position += sent;
        if (delivery == deliver_joined && connection->position == group->length) {
            connection->event = group->events;
        } else {
            while (connection->event < group->events && group->ends[connection->event] <= connection->position) connection->event++;
        }
        if ((size_t)sent < offered) return false;
    }
    return true;
}

static void forget(struct group *group) {
    if (group->blocked > 0 || group->length < forget_bytes) return;
    group->length = 0;
    group->offered = 0;
    group->events = 0;
    for (size_t index = 0; index < group->count; index++) {
        group->members[index]->position = 0;
        group->members[index]->event = 0;
    }
}

void group_deliver(struct group *group, enum delivery delivery) {
    if (group->offered == group->length) return;
    for (size_t index = 0; index < group->count; index++) {
        struct connection *connection = group->members[index];
        if (connection->blocked || write_on(connection, delivery)) continue;
        connection->blocked = true;
        group->blocked++;
    }
    group->offered = group->length;
    forget(group);
}

void group_resume(struct connection *connection, enum delivery delivery) {
    if (!connection->blocked || !write_on(connection, delivery)) return;
    connection->blocked = false;
    connection->group->blocked--;
    forget(connection->group);
}
