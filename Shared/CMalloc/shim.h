// malloc_trim(3) and malloc_usable_size(3), which Swift's Glibc module does not have.
#ifndef CAUSEWAY_CMALLOC_H
#define CAUSEWAY_CMALLOC_H

#include <malloc.h>

#endif
