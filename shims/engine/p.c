int engine_x(void); __attribute__((visibility("default"))) int engine_x(void){return 1;}
