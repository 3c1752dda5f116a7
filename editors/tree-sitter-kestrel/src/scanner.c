// Words that are told apart by what follows them: blanks and comments are looked through.
#include "tree_sitter/parser.h"

#include <stdbool.h>
#include <string.h>

enum { TARGET, KEY, COMPARED, TRANSFORMER, BIN, SORT };

void *tree_sitter_kestrel_external_scanner_create(void) { return NULL; }
void tree_sitter_kestrel_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_kestrel_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}
void tree_sitter_kestrel_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == '\f' || c == '\r' || c == '\n'; }
static bool is_letter(int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool is_word(int32_t c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; }

static bool equals(const char *word, const char *keyword) {
  for (; *word && *keyword; word++, keyword++) {
    char upper = (*word >= 'a' && *word <= 'z') ? (char)(*word - 'a' + 'A') : *word;
    if (upper != *keyword) return false;
  }
  return !*word && !*keyword;
}

bool tree_sitter_kestrel_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  // While the parser recovers from a mistake everything is valid: then words stay plain.
  bool recovering = valid[TARGET] && valid[KEY] && valid[COMPARED] && valid[TRANSFORMER] && valid[BIN] && valid[SORT];
  if (recovering) return false;

  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (!is_letter(lexer->lookahead)) return false;

  char word[16] = {0};
  unsigned length = 0;
  bool hyphen = false;
  while (is_word(lexer->lookahead)) {
    if (lexer->lookahead == '-') hyphen = true;
    if (length + 1 < sizeof word) word[length] = (char)lexer->lookahead;
    length++;
    lexer->advance(lexer, false);
  }
  if (length >= sizeof word) word[0] = 0;
  lexer->mark_end(lexer);
  // Part of a longer word: a path, an attribute, a typed attribute.
  if (lexer->lookahead == '.' || lexer->lookahead == ':' || lexer->lookahead == '/' || lexer->lookahead == '~' ||
      lexer->lookahead == '[')
    return false;

  for (;;) {
    while (is_blank(lexer->lookahead)) lexer->advance(lexer, false);
    if (lexer->lookahead != '#') break;
    while (lexer->lookahead && lexer->lookahead != '\n' && lexer->lookahead != '\r') lexer->advance(lexer, false);
  }

  int32_t next = lexer->lookahead;
  if (next == '(') {
    if (valid[TRANSFORMER] && (equals(word, "TIMESTAMPED") || equals(word, "ADDOBSID") || equals(word, "RECORDS"))) {
      lexer->result_symbol = TRANSFORMER;
      return true;
    }
    if (valid[BIN] && equals(word, "BIN")) {
      lexer->result_symbol = BIN;
      return true;
    }
    return false;
  }
  if (valid[SORT] && equals(word, "SORT") && (next == 'b' || next == 'B')) {
    lexer->advance(lexer, false);
    bool by = lexer->lookahead == 'y' || lexer->lookahead == 'Y';
    lexer->advance(lexer, false);
    if (!by || is_word(lexer->lookahead)) return false;
    lexer->result_symbol = SORT;
    return true;
  }
  bool sign = next == '<' || next == '>';
  bool assign = false;
  if (next == '=' || next == '!') {
    lexer->advance(lexer, false);
    bool doubled = lexer->lookahead == '=';
    if (next == '!' && !doubled) return false;
    sign = true;
    assign = next == '=' && !doubled;
  }
  if (assign && valid[TARGET] && !hyphen) {
    lexer->result_symbol = TARGET;
    return true;
  }
  if (assign && valid[KEY]) {
    lexer->result_symbol = KEY;
    return true;
  }
  if (sign && valid[COMPARED]) {
    lexer->result_symbol = COMPARED;
    return true;
  }
  return false;
}
