// Without ICU, which nothing here needs and whose types the toolchain's Foundation defines otherwise.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED
#include <libxml/HTMLparser.h>
#include <libxml/SAX2.h>
