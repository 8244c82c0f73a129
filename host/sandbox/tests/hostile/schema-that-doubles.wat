;; Refers twice to what refers twice to what refers twice, fourteen levels deep.
;; ends: schema-too-intricate
(component
  (include memory)
  (core module $m
    (include described)
    (data (i32.const 16) "\00\08\00\00\5d\03\00\00")
    (data (i32.const 2048) "{\"type\":\"object\",\"$defs\":{\"0\":{\"allOf\":[{\"$ref\":\"#/$defs/1\"},{\"$ref\":\"#/$defs/1\"}]},\"1\":{\"allOf\":[{\"$ref\":\"#/$defs/2\"},{\"$ref\":\"#/$defs/2\"}]},\"2\":{\"allOf\":[{\"$ref\":\"#/$defs/3\"},{\"$ref\":\"#/$defs/3\"}]},\"3\":{\"allOf\":[{\"$ref\":\"#/$defs/4\"},{\"$ref\":\"#/$defs/4\"}]},\"4\":{\"allOf\":[{\"$ref\":\"#/$defs/5\"},{\"$ref\":\"#/$defs/5\"}]},\"5\":{\"allOf\":[{\"$ref\":\"#/$defs/6\"},{\"$ref\":\"#/$defs/6\"}]},\"6\":{\"allOf\":[{\"$ref\":\"#/$defs/7\"},{\"$ref\":\"#/$defs/7\"}]},\"7\":{\"allOf\":[{\"$ref\":\"#/$defs/8\"},{\"$ref\":\"#/$defs/8\"}]},\"8\":{\"allOf\":[{\"$ref\":\"#/$defs/9\"},{\"$ref\":\"#/$defs/9\"}]},\"9\":{\"allOf\":[{\"$ref\":\"#/$defs/10\"},{\"$ref\":\"#/$defs/10\"}]},\"10\":{\"allOf\":[{\"$ref\":\"#/$defs/11\"},{\"$ref\":\"#/$defs/11\"}]},\"11\":{\"allOf\":[{\"$ref\":\"#/$defs/12\"},{\"$ref\":\"#/$defs/12\"}]},\"12\":{\"allOf\":[{\"$ref\":\"#/$defs/13\"},{\"$ref\":\"#/$defs/13\"}]},\"13\":{\"allOf\":[{\"$ref\":\"#/$defs/14\"},{\"$ref\":\"#/$defs/14\"}]},\"14\":{}}}")
    (func (export "call") (type $call) (call $ok)))
  (include tool))
