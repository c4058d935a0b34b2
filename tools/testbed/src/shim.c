/*
 * A PKCS#11 module in front of the one that SHIM_MODULE names, which fails on command. The file that SHIM_CONTROL
 * names holds a rule of four words for each function, by its place in CK_FUNCTION_LIST: action, argument, how many calls
 * are still concerned (or -1 for all), and how many were. One more rule says how the token treats the IV of AES-GCM.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

typedef unsigned long word;
typedef word (*function)(word, word, word, word, word, word);
struct list { unsigned char version[2]; function functions[68]; };
struct rule { int action, argument, remaining, hits; };
struct mechanism { word type; void *parameter; word length; };
struct gcm { unsigned char *iv; word iv_length, iv_bits; void *aad; word aad_length, tag_bits; };

enum { GENERAL_ERROR = 5, AES_GCM = 0x1087, IV_LENGTH = 12, IV_RULE = 68, SESSIONS = 4096 };
enum { CLOSE_ALL_SESSIONS = 14, ENCRYPT_INIT = 29, ENCRYPT = 30, OPEN_SESSION = 12 };
enum { NONE, RETURN, HANG, DELAY, LOSE_SESSIONS };
enum { IV_SUPPLIED, IV_WRITTEN, IV_APPENDED };

static struct list ours;
static struct list *real;
static volatile struct rule *rules;
static volatile word slot;
static unsigned char made[SESSIONS][IV_LENGTH];
static volatile char has_made[SESSIONS];

static int concerned(volatile struct rule *rule) {
  if (rule->action == NONE || rule->remaining == 0) return 0;
  if (rule->remaining > 0 && __sync_fetch_and_sub(&rule->remaining, 1) <= 0) return 0;
  __sync_fetch_and_add(&rule->hits, 1);
  return 1;
}

/* 0, or what to return in place of the module's own answer. */
static word fault(int index) {
  volatile struct rule *rule = &rules[index];
  if (!concerned(rule)) return 0;
  switch (rule->action) {
    case RETURN: return (word)(unsigned)rule->argument;
    case HANG: while (rule->action == HANG) usleep(1000); return GENERAL_ERROR;
    case DELAY: usleep((useconds_t)rule->argument); return 0;
    case LOSE_SESSIONS: real->functions[CLOSE_ALL_SESSIONS](slot, 0, 0, 0, 0, 0); return 0;
    default: return 0;
  }
}

static word encrypt_init(word session, word mechanism, word key, word d, word e, word f) {
  struct mechanism *given = (struct mechanism *)mechanism;
  int mode = rules[IV_RULE].action;
  if (mode == IV_SUPPLIED || given->type != AES_GCM) return real->functions[ENCRYPT_INIT](session, mechanism, key, d, e, f);
  struct gcm parameters = *(struct gcm *)given->parameter;
  struct mechanism changed = {AES_GCM, &parameters, sizeof parameters};
  unsigned char *iv = mode == IV_WRITTEN ? parameters.iv : made[session % SESSIONS];
  if (mode == IV_APPENDED && parameters.iv_length != 0) return 0x71;
  if (getrandom(iv, IV_LENGTH, 0) != IV_LENGTH) return GENERAL_ERROR;
  parameters.iv = iv;
  parameters.iv_length = IV_LENGTH;
  parameters.iv_bits = IV_LENGTH * 8;
  has_made[session % SESSIONS] = mode == IV_APPENDED;
  return real->functions[ENCRYPT_INIT](session, (word)&changed, key, d, e, f);
}

static word encrypt(word session, word input, word length, word output, word output_length, word f) {
  word result = real->functions[ENCRYPT](session, input, length, output, output_length, f);
  if (result != 0 || output == 0 || !has_made[session % SESSIONS]) return result;
  word *written = (word *)output_length;
  memcpy((unsigned char *)output + *written, made[session % SESSIONS], IV_LENGTH);
  *written += IV_LENGTH;
  return 0;
}

static word forward(int index, word a, word b, word c, word d, word e, word f) {
  word failure = fault(index);
  if (failure != 0) return failure;
  if (index == OPEN_SESSION) slot = a;
  if (index == ENCRYPT_INIT) return encrypt_init(a, b, c, d, e, f);
  if (index == ENCRYPT) return encrypt(a, b, c, d, e, f);
  return real->functions[index](a, b, c, d, e, f);
}

#define SHIM(index) \
  static word shim_##index(word a, word b, word c, word d, word e, word f) { return forward(index, a, b, c, d, e, f); }
SHIM(0) SHIM(1) SHIM(10) SHIM(12) SHIM(13) SHIM(15) SHIM(18) SHIM(24) SHIM(26) SHIM(27) SHIM(28) SHIM(29) SHIM(30) SHIM(33) SHIM(34) SHIM(64)

word C_GetFunctionList(struct list **list) {
  if (real == NULL) {
    void *module = dlopen(getenv("SHIM_MODULE"), RTLD_NOW | RTLD_LOCAL);
    int control = open(getenv("SHIM_CONTROL"), O_RDWR);
    if (module == NULL || control < 0) return GENERAL_ERROR;
    void *shared = mmap(NULL, (IV_RULE + 1) * sizeof(struct rule), PROT_READ | PROT_WRITE, MAP_SHARED, control, 0);
    close(control);
    word (*get)(struct list **) = (word (*)(struct list **))dlsym(module, "C_GetFunctionList");
    if (shared == MAP_FAILED || get == NULL) return GENERAL_ERROR;
    rules = shared;
    if (get(&real) != 0) return GENERAL_ERROR;
    ours = *real;
#define PLACE(index) ours.functions[index] = shim_##index;
    PLACE(0) PLACE(1) PLACE(10) PLACE(12) PLACE(13) PLACE(15) PLACE(18) PLACE(24) PLACE(26) PLACE(27) PLACE(28) PLACE(29) PLACE(30) PLACE(33) PLACE(34) PLACE(64)
  }
  *list = &ours;
  return 0;
}
