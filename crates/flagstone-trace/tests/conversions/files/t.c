#include <stdlib.h>
#include <string.h>
#include <unistd.h>
__attribute__((noinline)) char *leaf(size_t n){ char *p=malloc(n); memset(p,1,n); return p; }
__attribute__((noinline)) void churn(void){ for(int i=0;i<20;i++){ char*p=leaf(100); free(p);} usleep(20000);}
int main(void){ char *kept=leaf(5000); kept=realloc(kept,9000); churn(); char*z=calloc(3,7); char *leak=leaf(64); (void)leak; free(z); free(kept); return 0;}
