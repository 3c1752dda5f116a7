/**
 * @file Huntflows for tree-sitter: the grammar of the language reference (§2.1).
 *
 * No word is reserved and nothing separates statements. Some words cannot be told apart
 * without looking at what follows them; the scanner in src/scanner.c does that: a word before `=`,
 * a word before another comparison sign, a function's name before `(`, and SORT before BY.
 */
/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

const letter = (c) => (/[A-Z]/.test(c) ? `[${c}${c.toLowerCase()}]` : c);
/** A keyword in any case. */
const kw = (word) => alias(new RegExp(word.split("").map(letter).join("")), word);
const commas = (rule) => seq(rule, repeat(seq(",", rule)));

module.exports = grammar({
  name: "kestrel",

  externals: ($) => [
    $._target_word,
    $._key_word,
    $._compared_word,
    $._transformer_word,
    $._bin_word,
    $._sort_word,
  ],

  extras: ($) => [/[ \t\f\r\n\uFEFF]/, $.comment],

  word: ($) => $._word,

  rules: {
    huntflow: ($) => repeat($._statement),

    comment: () => /#[^\r\n]*/,

    _statement: ($) => choice($.assignment, $._command, $._effect),

    assignment: ($) =>
      seq(field("target", $.variable_definition), "=", choice($._command, $.merge, $.expression)),
    variable_definition: ($) => $._target_word,

    _command: ($) => choice($.get, $.find, $.new, $.load, $.sort, $.group, $.join),
    _effect: ($) => choice($.apply, $.disp, $.info, $.describe, $.save, $.explain),

    merge: ($) => seq($.variable, repeat1(seq("+", $.variable))),

    get: ($) =>
      seq(kw("GET"), $.entity_type, optional(seq(kw("FROM"), commas($._source))), $.where, optional($._bounds)),
    _source: ($) => choice($.address, $.string, $.raw_string),

    find: ($) =>
      seq(kw("FIND"), $.entity_type, $.relation, optional(kw("BY")), $.variable, optional($.where), optional($._bounds)),
    relation: () => /[A-Za-z]+(_[bB][yY])?/,

    where: ($) => seq(kw("WHERE"), choice(seq("[", $._condition, "]"), $._condition)),

    _bounds: ($) =>
      choice($.time_range, seq($.time_range, $.limit), $.limit, seq($.limit, $.time_range)),
    time_range: ($) =>
      choice(
        seq(kw("START"), $._instant, kw("STOP"), $._instant),
        seq(kw("LAST"), choice(seq($.integer, $.unit), $.duration)),
      ),
    _instant: ($) => choice($.timestamp, alias($.string, $.timestamp), alias($._stix_time, $.timestamp)),
    timestamp: () => /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/,
    _stix_time: () => token(choice(/t'([^'\\\r\n]|\\[^\r\n])*'/, /t"([^"\\\r\n]|\\[^\r\n])*"/)),
    duration: () => /\d+([dD]([aA][yY][sS]?)?|[hH]([oO][uU][rR][sS]?)?|[mM]([iI][nN][uU][tT][eE][sS]?)?|[sS]([eE][cC][oO][nN][dD][sS]?)?)/,
    unit: () => /[dD]([aA][yY][sS]?)?|[hH]([oO][uU][rR][sS]?)?|[mM]([iI][nN][uU][tT][eE][sS]?)?|[sS]([eE][cC][oO][nN][dD][sS]?)?/,
    limit: ($) => seq(kw("LIMIT"), $.integer),
    offset: ($) => seq(kw("OFFSET"), $.integer),

    new: ($) =>
      seq(kw("NEW"), optional($.entity_type), "[", optional(choice(commas($._string), commas($.object))), "]"),
    object: ($) => seq("{", commas($.field), "}"),
    field: ($) => seq(field("key", $._string), ":", field("value", $._scalar)),
    _scalar: ($) => choice($._string, $._number, $.boolean, $.null),
    boolean: () => choice(kw("TRUE"), kw("FALSE")),
    null: () => kw("NULL"),

    load: ($) => seq(kw("LOAD"), $._path, optional(seq(kw("AS"), $.entity_type))),
    sort: ($) => seq(kw("SORT"), $.variable, $._sort_by),
    _sort_by: ($) => seq(kw("BY"), $.attribute, optional(choice(kw("ASC"), kw("DESC")))),

    group: ($) =>
      seq(kw("GROUP"), $.variable, kw("BY"), commas($._key), optional(seq(kw("WITH"), commas($.aggregate)))),
    _key: ($) => choice($.bin, $.attribute),
    bin: ($) => seq($.bin_function, "(", $.attribute, ",", choice(seq($.integer, optional($.unit)), $.duration), ")"),
    bin_function: ($) => $._bin_word,
    aggregate: ($) =>
      seq($.aggregate_function, "(", $.attribute, ")", optional(seq(kw("AS"), field("alias", $.alias)))),
    aggregate_function: () =>
      choice(kw("MIN"), kw("MAX"), kw("SUM"), kw("AVG"), kw("COUNT"), kw("NUNIQUE")),
    alias: ($) => $._name,

    join: ($) =>
      seq(kw("JOIN"), $.variable, ",", $.variable, optional(seq(kw("BY"), $.attribute, ",", $.attribute))),

    apply: ($) =>
      seq(kw("APPLY"), $._path, kw("ON"), commas($.variable), optional(seq(kw("WITH"), commas($.argument)))),
    argument: ($) => seq(field("key", $.argument_key), "=", field("value", $._value)),
    argument_key: ($) => $._key_word,

    disp: ($) => seq(kw("DISP"), $.expression),
    info: ($) => seq(kw("INFO"), $.variable),
    describe: ($) => seq(kw("DESCRIBE"), $.reference),
    save: ($) => seq(kw("SAVE"), $.variable, kw("TO"), $._path),
    explain: ($) => seq(kw("EXPLAIN"), $.variable),

    expression: ($) =>
      prec.right(
        seq(
          $._operand,
          optional($.where),
          optional($.attributes),
          optional($.sort_clause),
          optional($.limit),
          optional($.offset),
        ),
      ),
    _operand: ($) => choice($.variable, seq($.transformer, "(", $.variable, ")")),
    transformer: ($) => $._transformer_word,
    attributes: ($) => seq(kw("ATTR"), commas($.attribute)),
    // The word SORT directly before BY: `SORT x BY y` after an expression starts a new statement.
    sort_clause: ($) => seq(alias($._sort_word, "SORT"), $._sort_by),

    _condition: ($) => choice($.or, $.and, $._test),
    or: ($) => prec.left(1, seq($._condition, kw("OR"), $._condition)),
    and: ($) => prec.left(2, seq($._condition, kw("AND"), $._condition)),
    _test: ($) => choice(seq("(", $._condition, ")"), $.test),
    test: ($) =>
      choice(
        seq($.attribute, kw("IS"), optional(kw("NOT")), kw("NULL")),
        seq(choice($.attribute, alias($._compared_word, $.attribute)), $.sign, $._value),
        seq(
          $.attribute,
          optional(kw("NOT")),
          choice(kw("IN"), kw("LIKE"), kw("MATCHES"), kw("ISSUBSET"), kw("ISSUPERSET")),
          $._value,
        ),
      ),
    sign: () => choice("=", "==", "!=", "<", "<=", ">", ">="),

    _value: ($) => choice($._literal, $.list),
    list: ($) => choice(seq("(", commas($._value), ")"), seq("[", commas($._value), "]")),
    _literal: ($) => choice($._string, $._number, alias($._name, $.bare_word), $.reference),

    _string: ($) => choice($.string, $.raw_string),
    string: () => token(choice(/'([^'\\\r\n]|\\[^\r\n])*'/, /"([^"\\\r\n]|\\[^\r\n])*"/)),
    raw_string: () => token(choice(/r'([^'\\\r\n]|\\[^\r\n])*'/, /r"([^"\\\r\n]|\\[^\r\n])*"/)),
    _number: ($) => seq(optional("+"), choice($.integer, $.number)),
    integer: () => /\d+/,
    number: () => token(choice(/-(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?/, /(\d+\.\d*|\.\d+)([eE][+-]?\d+)?/, /\d+[eE][+-]?\d+/)),

    // `variable.attribute`
    reference: () =>
      /[A-Za-z_][A-Za-z0-9_]*\.([A-Za-z0-9_\-]+|'[A-Za-z0-9_\-]+'|"[A-Za-z0-9_\-]+")(\[\*\])?(\.([A-Za-z0-9_\-]+|'[A-Za-z0-9_\-]+'|"[A-Za-z0-9_\-]+")(\[\*\])?)*/,
    attribute: () =>
      /([A-Za-z_][A-Za-z0-9_\-]*:)?[A-Za-z_][A-Za-z0-9_\-]*(\[\*\])?(\.([A-Za-z0-9_\-]+|'[A-Za-z0-9_\-]+'|"[A-Za-z0-9_\-]+")(\[\*\])?)*/,
    address: () =>
      token(choice(/[A-Za-z0-9_\-]+:\/\/[^\s'",()\[\]{}<>#]+/, /[A-Za-z0-9_\-.\/~]+/)),
    _path: ($) => choice($.address, $.string, $.raw_string),

    entity_type: ($) => $._name,
    variable: ($) => $._word,
    _name: ($) => choice($._word, $._hyphenated),
    _hyphenated: () => /[A-Za-z_][A-Za-z0-9_]*-[A-Za-z0-9_\-]*/,
    _word: () => /[A-Za-z_][A-Za-z0-9_]*/,
  },
});
