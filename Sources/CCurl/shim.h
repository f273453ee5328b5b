// libcurl. Its setopt and getinfo are variadic; each use gets an inline shim with one type.
#ifndef CARREL_CCURL_H
#define CARREL_CCURL_H
#include <curl/curl.h>
#endif
