// Shows that the TextMate grammar, the CodeMirror mode and the tree-sitter highlights give every
// token of a corpus the class that the real lexer (or parser, for tree-sitter) gives it.
//
//   node compare.mjs KESTRELC CORPUS-FOLDER TREE-SITTER-CAPTURES.json MODULES-FOLDER
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [kestrelc, corpus, captures, modules] = process.argv.slice(2);
const here = path.dirname(new URL(import.meta.url).pathname);
const require = createRequire(path.join(modules, "package.json"));
const files = fs.readdirSync(corpus).filter((name) => name.endsWith(".hf")).sort();

// ---------------------------------------------------------------- what is right

/** The class of a token of the lexer. */
function classOfKind(kind, before) {
  if (["Plain", "Raw"].includes(kind)) return "string";
  if (["StixTime", "Timestamp"].includes(kind)) return "time";
  if (["Int", "Number", "Negative", "IntUnit"].includes(kind)) return "number";
  if (["Letters", "Variable", "Name", "Dotted", "Attribute", "TypedAttribute", "RelationBy", "Path"].includes(kind)) return "word";
  if (["Junk", "Missing", "Bad"].includes(kind)) return "invalid";
  if (["Transformer", "Bin", "Aggregate"].includes(kind)) return "function";
  // A single letter is a unit only behind a number.
  if (kind === "Unit") return before === "Int" ? "keyword" : "word";
  if (/^(Assign|EqEq|NotEq|Less|LessEq|Greater|GreaterEq|ParenOpen|ParenClose|BracketOpen|BracketClose|BraceOpen|BraceClose|Comma|Plus|Colon)$/.test(kind)) return "operator";
  return "keyword";
}

/** The tokens of the lexer: byte and class. */
function lexed(file) {
  const lines = execFileSync(kestrelc, ["plan", "--stage", "tokens", file], { encoding: "utf8", maxBuffer: 1 << 26 });
  let before = "";
  const tokens = [];
  for (const line of lines.split("\n").filter(Boolean)) {
    const [, start, kind] = /^ *(\d+) (\w+)/.exec(line);
    tokens.push({ start: Number(start), class: classOfKind(kind, before) });
    before = kind;
  }
  return tokens;
}

const LEGEND = {
  comment: "comment", keyword: "keyword", variable: "word", type: "word", property: "word", method: "word",
  function: "function", parameter: "word", namespace: "word", string: "string", number: "number", enumMember: "time",
  operator: "operator", invalid: "invalid",
};

/** The semantic tokens of all texts, from the language server: by file, byte and class. */
async function semantic(texts) {
  const server = spawn(kestrelc, ["lsp"], { stdio: ["pipe", "pipe", "inherit"] });
  const send = (message) => {
    const content = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
    server.stdin.write(`Content-Length: ${content.length}\r\n\r\n`);
    server.stdin.write(content);
  };
  send({ id: "start", method: "initialize", params: { capabilities: {} } });
  for (const [name, text] of texts) {
    const uri = `untitled:${name}`;
    send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "kestrel", version: 1, text } } });
    send({ id: name, method: "textDocument/semanticTokens/full", params: { textDocument: { uri } } });
  }
  send({ id: "stop", method: "shutdown" });
  send({ method: "exit" });
  let bytes = Buffer.alloc(0);
  for await (const chunk of server.stdout) bytes = Buffer.concat([bytes, chunk]);
  const answers = new Map();
  let legend = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf("\r\n\r\n", at);
    const length = Number(/Content-Length: (\d+)/.exec(bytes.subarray(at, end).toString())[1]);
    const message = JSON.parse(bytes.subarray(end + 4, end + 4 + length).toString());
    at = end + 4 + length;
    if (message.id === "start") legend = message.result.capabilities.semanticTokensProvider.legend.tokenTypes;
    else if (message.result?.data) answers.set(message.id, message.result.data);
  }
  const all = new Map();
  for (const [name, text] of texts) {
    const starts = lineStarts(text);
    const tokens = [];
    let [line, column] = [0, 0];
    const data = answers.get(name);
    for (let at = 0; at < data.length; at += 5) {
      if (data[at] > 0) column = 0;
      line += data[at];
      column += data[at + 1];
      const from = starts[line] + column;
      const written = text.slice(from, from + data[at + 2]);
      let found = LEGEND[legend[data[at + 3]]];
      // Text without quotes.
      if (found === "string" && !/^[rt]?['"]/.test(written)) found = "word";
      tokens.push({ start: Buffer.byteLength(text.slice(0, from)), class: found });
    }
    all.set(name, tokens);
  }
  return all;
}

function lineStarts(text) {
  const starts = [0];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\n" || (text[at] === "\r" && text[at + 1] !== "\n")) starts.push(at + 1);
  }
  return starts;
}

// ---------------------------------------------------------------- what the editors say

/** The class of each UTF-16 unit of a text, by the TextMate grammar. */
async function textmate() {
  const vsctm = require("vscode-textmate");
  const oniguruma = require("vscode-oniguruma");
  const wasm = fs.readFileSync(path.join(modules, "node_modules/vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const file = path.join(here, "../vscode/syntaxes/kestrel.tmLanguage.json");
  const registry = new vsctm.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => vsctm.parseRawGrammar(fs.readFileSync(file, "utf8"), file),
  });
  const grammar = await registry.loadGrammar("source.kestrel");
  const classes = [
    ["invalid", "invalid"], ["comment", "comment"], ["constant.other.time", "time"], ["string", "string"],
    ["constant.numeric", "number"], ["support.function", "function"], ["keyword.operator.kestrel", "operator"],
    ["keyword", "keyword"], ["constant.language", "keyword"], ["variable", "word"], ["entity.name", "word"],
  ];
  return (text) => {
    const found = new Array(text.length).fill(null);
    const starts = lineStarts(text);
    let state = vsctm.INITIAL;
    starts.forEach((start, index) => {
      const line = text.slice(start, starts[index + 1] ?? text.length).replace(/[\r\n]+$/, "");
      const result = grammar.tokenizeLine(line, state);
      state = result.ruleStack;
      for (const token of result.tokens) {
        const scopes = token.scopes.slice(1).join(" ");
        const match = classes.find(([scope]) => token.scopes.slice(1).some((s) => s.split(" ").some((one) => one.startsWith(scope))));
        const known = scopes ? match?.[1] ?? `? ${scopes}` : null;
        for (let at = token.startIndex; at < Math.min(token.endIndex, line.length); at++) found[start + at] = known;
      }
    });
    return found;
  };
}

/** The same by the CodeMirror mode, driven by CodeMirror's own stream. */
function codemirror() {
  const { kestrel } = require(path.join(here, "../codemirror/kestrel.js"));
  const { StringStream } = require("@codemirror/language");
  const classes = { comment: "comment", atom: "time", string: "string", number: "number", builtin: "function", operator: "operator", keyword: "keyword", variable: "word", property: "word", link: "word", error: "invalid" };
  return (text) => {
    const found = new Array(text.length).fill(null);
    const starts = lineStarts(text);
    const state = kestrel.startState();
    starts.forEach((start, index) => {
      const line = text.slice(start, starts[index + 1] ?? text.length).replace(/[\r\n]+$/, "");
      const stream = new StringStream(line, 2, 2);
      while (!stream.eol()) {
        stream.start = stream.pos;
        const style = kestrel.token(stream, state);
        if (stream.pos === stream.start) throw new Error(`the mode does not advance in: ${line}`);
        for (let at = stream.start; at < stream.pos; at++) found[start + at] = style === null ? null : classes[style] ?? `? ${style}`;
      }
    });
    return found;
  };
}

/** The same by tree-sitter, from captures that were made before. */
function treeSitter(all) {
  const classes = [
    ["comment", "comment"], ["keyword", "keyword"], ["operator", "operator"], ["function.builtin", "function"],
    ["string.special", "word"], ["string", "string"], ["number", "number"], ["constant", "time"],
    ["variable", "word"], ["type", "word"], ["property", "word"], ["function.method", "word"],
  ];
  return (name) => {
    const found = new Map();
    for (const [start, , capture] of all[name].captures) {
      found.set(start, classes.find(([prefix]) => capture.startsWith(prefix))?.[1] ?? `? ${capture}`);
    }
    return found;
  };
}

// ---------------------------------------------------------------- the comparison

let compared = 0;
const wrong = [];
function expect(editor, name, text, start, right, found) {
  compared++;
  if (right === found) return;
  const before = text.slice(0, start);
  const line = before.split("\n").length;
  const shown = text.slice(start, start + 30).split("\n")[0];
  wrong.push(`${editor}: ${name}:${line}: \`${shown}\` is ${found}, should be ${right}`);
}

const texts = new Map(files.map((name) => [name, fs.readFileSync(path.join(corpus, name), "utf8")]));
const units = (text) => {
  // Byte to UTF-16 unit.
  const map = new Map();
  let byte = 0;
  for (let at = 0; at < text.length; ) {
    map.set(byte, at);
    const code = text.codePointAt(at);
    byte += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    at += code > 0xffff ? 2 : 1;
  }
  return map;
};
const known = await semantic(texts);
const byTextmate = await textmate();
const byCodemirror = codemirror();
const parsed = JSON.parse(fs.readFileSync(captures, "utf8"));
const byTreeSitter = treeSitter(parsed);
for (const [name, text] of texts) {
  const at = units(text);
  const tokens = lexed(path.join(corpus, name));
  const comments = known.get(name).filter((token) => token.class === "comment");
  for (const [editor, found] of [["textmate", byTextmate(text)], ["codemirror", byCodemirror(text)]]) {
    for (const token of [...tokens, ...comments]) {
      const unit = at.get(token.start);
      expect(editor, name, text, unit, token.class, found[unit]);
    }
  }
  if (parsed[name].error) wrong.push(`tree-sitter: ${name} does not parse: ${parsed[name].error}`);
  const found = byTreeSitter(name);
  for (const token of known.get(name)) {
    // A reference and a typed attribute are one node each.
    const previous = text[at.get(token.start) - 1];
    if (token.class === "word" && (previous === "." || previous === ":")) continue;
    expect("tree-sitter", name, text, at.get(token.start), token.class, found.get(token.start));
  }
}
if (wrong.length > 0) {
  console.error(wrong.slice(0, 60).join("\n"));
  console.error(`${wrong.length} of ${compared} tokens have another class`);
  process.exit(1);
}
console.log(`${files.length} texts, ${compared} tokens compared: TextMate, CodeMirror and tree-sitter agree with kestrelc`);
