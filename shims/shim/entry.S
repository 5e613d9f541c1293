.globl shim_export_start
.section .text.start
shim_export_start: call shim_main
ud2
.section .note.GNU-stack,"",@progbits
