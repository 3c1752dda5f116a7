; A huntflow is one scope; every `name =` gives the variable a value.
(huntflow) @local.scope
(variable_definition) @local.definition
(variable) @local.reference
