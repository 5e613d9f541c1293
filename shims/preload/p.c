int preload_x(void); __attribute__((visibility("default"))) int preload_x(void){return 1;}
