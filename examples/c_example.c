/* SPDX-License-Identifier: Apache-2.0 */
/* The C interface: views, a grouping, a status. */
#include <norma/norma.h>
#include <stdio.h>

int main(void) {
  /* [c_example] */
  float x[2 * 4] = {1, 2, 3, 4, 10, 20, 30, 40}, y[2 * 4];
  const int64_t shape[] = {2, 4}, rows[] = {-1};
  const norma_view in = norma_contiguous(x, NORMA_F32, 2, shape), out = norma_contiguous(y, NORMA_F32, 2, shape);
  const norma_grouping row = norma_grouping_over(1, rows);

  if (norma_normalize(&in, &out, &row, NULL, NULL, 0) != NORMA_OK) puts(norma_last_error());
  /* [/c_example] */
  printf("%.3f %.3f %.3f %.3f\n", y[0], y[1], y[2], y[3]);
  return y[0] < -1.34f && y[0] > -1.35f && y[4] < -1.34f && y[4] > -1.35f ? 0 : 1;
}
