; How huntflows are coloured. Later patterns win.

(comment) @comment

[
  "GET" "FIND" "NEW" "LOAD" "SORT" "GROUP" "JOIN"
  "APPLY" "DISP" "INFO" "DESCRIBE" "SAVE" "EXPLAIN"
  "FROM" "WHERE" "ATTR" "BY" "ASC" "DESC" "LIMIT" "OFFSET" "WITH" "AS" "ON" "TO"
  "START" "STOP" "LAST"
  "AND" "OR" "NOT" "IN" "LIKE" "MATCHES" "ISSUBSET" "ISSUPERSET" "IS" "NULL" "TRUE" "FALSE"
] @keyword
(unit) @keyword

["=" "==" "!=" "<" "<=" ">" ">=" "+" "," ":" "(" ")" "[" "]" "{" "}"] @operator

(variable_definition) @variable
(variable) @variable
(reference) @variable
(bare_word) @variable
(entity_type) @type
(relation) @function.method
(attribute) @property
(alias) @property
(argument_key) @variable.parameter
(address) @string.special.url

(transformer) @function.builtin
(bin_function) @function.builtin
(aggregate_function) @function.builtin

(string) @string
(raw_string) @string
(integer) @number
(number) @number
(duration) @number
(timestamp) @constant
