// A CodeMirror mode for huntflows: one object with `token(stream, state)`, which CodeMirror 5 takes
// through `defineMode` and CodeMirror 6 through `StreamLanguage.define`. It follows the recipe of
// the real lexer: words, strings and signs; whether a word is a keyword is decided by what follows.
"use strict";

const COMMANDS = "GET FIND NEW LOAD SORT GROUP JOIN APPLY DISP INFO DESCRIBE SAVE EXPLAIN";
const CLAUSES = "FROM WHERE ATTR BY ASC DESC LIMIT OFFSET WITH AS ON TO START STOP LAST";
const WORDS = "AND OR NOT IN LIKE MATCHES ISSUBSET ISSUPERSET IS NULL TRUE FALSE";
const UNITS = "D DAY DAYS H HOUR HOURS M MINUTE MINUTES S SECOND SECONDS";

const set = (text) => new Set(text.split(" "));
const KEYWORDS = set(`${COMMANDS} ${CLAUSES} ${WORDS}`);
const UNIT = set(UNITS);
const AGGREGATES = set("MIN MAX SUM AVG COUNT NUNIQUE");
const CALLS = set("TIMESTAMPED ADDOBSID RECORDS BIN");

const STRING = /^(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/;
const ADDRESS = /^[A-Za-z0-9_-]+:\/\/[^\s'",()[\]{}<>#]*/;
const WORD =
  /^[A-Za-z0-9_.\-/~](?:[A-Za-z0-9_.\-/:~]|\[\*\]|(?<=\.)'[A-Za-z0-9_-]+'|(?<=\.)"[A-Za-z0-9_-]+"|(?<=1e)\+(?=\d))*/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/;
const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const INT_UNIT = new RegExp(`^\\d+(?:${UNITS.split(" ").join("|")})$`, "i");

/** Returns the class of a word; `rest` is what follows it on its line. */
function classOf(word, rest, afterNumber) {
  if (TIME.test(word)) return "atom";
  if (NUMBER.test(word) || INT_UNIT.test(word)) return "number";
  const upper = word.toUpperCase();
  const compared = /^\s*(?:[=<>]|!=)/.test(rest);
  if (CALLS.has(upper)) return /^\s*\(/.test(rest) ? "builtin" : "variable";
  if (compared) return /[.:[]/.test(word) ? "property" : "variable";
  if (AGGREGATES.has(upper)) return "builtin";
  if (KEYWORDS.has(upper) || (afterNumber && UNIT.has(upper))) return "keyword";
  return /^[A-Za-z_][A-Za-z0-9_-]*(?:[.:]|\[\*\])/.test(word) ? "property" : "variable";
}

const kestrel = {
  name: "kestrel",
  startState: () => ({ afterNumber: false }),
  copyState: (state) => ({ ...state }),
  languageData: {
    commentTokens: { line: "#" },
    closeBrackets: { brackets: ["(", "[", "{", "'", '"'] },
  },
  lineComment: "#",
  token(stream, state) {
    if (stream.eatSpace()) return null;
    const afterNumber = state.afterNumber;
    state.afterNumber = false;
    if (stream.peek() === "#") {
      stream.skipToEnd();
      return "comment";
    }
    const prefix = stream.match(/^[rt](?=['"])/);
    if (prefix || /['"]/.test(stream.peek())) {
      if (stream.match(STRING)) return prefix && prefix[0] === "t" ? "atom" : "string";
      // A string ends on its line.
      stream.skipToEnd();
      return "error";
    }
    if (stream.match(ADDRESS)) return "link";
    const word = stream.match(WORD);
    if (word) {
      const found = classOf(word[0], stream.string.slice(stream.pos), afterNumber);
      state.afterNumber = /^\d+$/.test(word[0]);
      return found;
    }
    if (stream.match(/^(?:==|!=|<=|>=|[=<>(){}[\],+:])/)) return "operator";
    stream.next();
    return "error";
  },
};

/** Registers the mode with CodeMirror 5 under its name and `text/x-kestrel`. */
function register(CodeMirror) {
  CodeMirror.defineMode("kestrel", () => kestrel);
  CodeMirror.defineMIME("text/x-kestrel", "kestrel");
}

if (typeof module !== "undefined") module.exports = { kestrel, register };
else if (typeof window !== "undefined" && window.CodeMirror) register(window.CodeMirror);
