;; Is a component and no tool.
;; ends: export-missing
(component)
