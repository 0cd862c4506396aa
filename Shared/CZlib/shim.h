// zlib: deflate for permessage-deflate (RFC 7692).
#ifndef CAUSEWAY_CZLIB_H
#define CAUSEWAY_CZLIB_H

#include <zlib.h>

#endif
