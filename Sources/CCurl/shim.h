// libcurl, loaded when it is first called: it brings some thirty libraries, which would cost every
// start of the program a third of its time and 6 MiB, and only downloads and servers of the user's have
// a use for it.
//
// Each function that is called has an inline shim `carrel_curl_NAME` of libcurl's own type; setopt and
// getinfo are variadic, which Swift cannot call, and have one for each type of value. Options keep
// libcurl's names, so its manual is the documentation. All but `carrel_curl_is_there` may be called only
// where that is true.
#ifndef CARREL_CCURL_H
#define CARREL_CCURL_H
#include <curl/curl.h>
#include <dlfcn.h>

// The name of the library's interface, the same since 2006; distributions ship it without -dev.
#define CARREL_CURL_LIBRARY "libcurl.so.4"

// dlopen gives the same handle every time, so threads that come here at once do no harm.
static inline void *carrel_curl_library(void) {
  static void *library;
  void *known = __atomic_load_n(&library, __ATOMIC_ACQUIRE);
  if (!known) {
    known = dlopen(CARREL_CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    __atomic_store_n(&library, known, __ATOMIC_RELEASE);
  }
  return known;
}

// The library's function of that name, with its type.
#define CARREL_CURL(name) ((__typeof__(&name))dlsym(carrel_curl_library(), #name))

// Whether there is a libcurl with all that is called below (the newest came with 7.68, in 2020).
static inline int carrel_curl_is_there(void) {
  return carrel_curl_library() && CARREL_CURL(curl_multi_wakeup);
}

static inline CURLcode carrel_curl_global_init(long flags) {
  return CARREL_CURL(curl_global_init)(flags);
}

static inline const char *carrel_curl_easy_strerror(CURLcode code) {
  return CARREL_CURL(curl_easy_strerror)(code);
}

static inline CURL *carrel_curl_easy_init(void) { return CARREL_CURL(curl_easy_init)(); }

static inline void carrel_curl_easy_reset(CURL *handle) { CARREL_CURL(curl_easy_reset)(handle); }

static inline void carrel_curl_easy_cleanup(CURL *handle) {
  CARREL_CURL(curl_easy_cleanup)(handle);
}

static inline CURLM *carrel_curl_multi_init(void) { return CARREL_CURL(curl_multi_init)(); }

static inline CURLMcode carrel_curl_multi_cleanup(CURLM *multi) {
  return CARREL_CURL(curl_multi_cleanup)(multi);
}

static inline CURLMcode carrel_curl_multi_add_handle(CURLM *multi, CURL *handle) {
  return CARREL_CURL(curl_multi_add_handle)(multi, handle);
}

static inline CURLMcode carrel_curl_multi_remove_handle(CURLM *multi, CURL *handle) {
  return CARREL_CURL(curl_multi_remove_handle)(multi, handle);
}

static inline CURLMcode carrel_curl_multi_poll(CURLM *multi, int milliseconds) {
  return CARREL_CURL(curl_multi_poll)(multi, NULL, 0, milliseconds, NULL);
}

static inline CURLMcode carrel_curl_multi_perform(CURLM *multi, int *running) {
  return CARREL_CURL(curl_multi_perform)(multi, running);
}

static inline CURLMcode carrel_curl_multi_wakeup(CURLM *multi) {
  return CARREL_CURL(curl_multi_wakeup)(multi);
}

static inline struct curl_slist *carrel_curl_slist_append(
    struct curl_slist *list, const char *line) {
  return CARREL_CURL(curl_slist_append)(list, line);
}

static inline void carrel_curl_slist_free_all(struct curl_slist *list) {
  CARREL_CURL(curl_slist_free_all)(list);
}

static inline CURLU *carrel_curl_url(void) { return CARREL_CURL(curl_url)(); }

static inline void carrel_curl_url_cleanup(CURLU *url) { CARREL_CURL(curl_url_cleanup)(url); }

static inline CURLUcode carrel_curl_url_set(
    CURLU *url, CURLUPart part, const char *text, unsigned flags) {
  return CARREL_CURL(curl_url_set)(url, part, text, flags);
}

static inline CURLUcode carrel_curl_url_get(
    CURLU *url, CURLUPart part, char **text, unsigned flags) {
  return CARREL_CURL(curl_url_get)(url, part, text, flags);
}

static inline void carrel_curl_free(void *memory) { CARREL_CURL(curl_free)(memory); }

static inline CURLcode carrel_curl_set_long(CURL *handle, CURLoption option, long value) {
  return CARREL_CURL(curl_easy_setopt)(handle, option, value);
}

// libcurl copies the string, except for CURLOPT_POSTFIELDS, which is not used here.
static inline CURLcode carrel_curl_set_string(CURL *handle, CURLoption option, const char *value) {
  return CARREL_CURL(curl_easy_setopt)(handle, option, value);
}

// libcurl copies the bytes.
static inline CURLcode carrel_curl_post(CURL *handle, const void *bytes, size_t count) {
  CURLcode result = CARREL_CURL(curl_easy_setopt)(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)count);
  if (result != CURLE_OK) return result;
  return CARREL_CURL(curl_easy_setopt)(handle, CURLOPT_COPYPOSTFIELDS, bytes);
}

static inline CURLcode carrel_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return CARREL_CURL(curl_easy_setopt)(handle, option, value);
}

// For CURLOPT_WRITEFUNCTION and CURLOPT_HEADERFUNCTION.
static inline CURLcode carrel_curl_set_callback(
    CURL *handle, CURLoption option, size_t (*value)(char *, size_t, size_t, void *)) {
  return CARREL_CURL(curl_easy_setopt)(handle, option, value);
}

static inline CURLcode carrel_curl_set_headers(CURL *handle, struct curl_slist *list) {
  return CARREL_CURL(curl_easy_setopt)(handle, CURLOPT_HTTPHEADER, list);
}

// Only http and https, whatever else this libcurl was built with (file, ftp, ldap, ...).
static inline CURLcode carrel_curl_http_only(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
  return CARREL_CURL(curl_easy_setopt)(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  return CARREL_CURL(curl_easy_setopt)(handle, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

// Do not wait for a name lookup in another thread when a transfer is given up.
static inline void carrel_curl_quick_exit(CURL *handle) {
#if LIBCURL_VERSION_NUM >= 0x075700
  CARREL_CURL(curl_easy_setopt)(handle, CURLOPT_QUICK_EXIT, 1L);
#else
  (void)handle;
#endif
}

static inline CURLcode carrel_curl_get_long(CURL *handle, CURLINFO info, long *value) {
  return CARREL_CURL(curl_easy_getinfo)(handle, info, value);
}

static inline CURLMcode carrel_curl_multi_set_long(CURLM *multi, CURLMoption option, long value) {
  return CARREL_CURL(curl_multi_setopt)(multi, option, value);
}

// The next finished transfer of `multi`, or NULL: its handle, and its result in `*result`.
static inline CURL *carrel_curl_multi_next_done(CURLM *multi, CURLcode *result) {
  int left = 0;
  CURLMsg *message;
  while ((message = CARREL_CURL(curl_multi_info_read)(multi, &left))) {
    if (message->msg == CURLMSG_DONE) {
      *result = message->data.result;
      return message->easy_handle;
    }
  }
  return NULL;
}
#endif
