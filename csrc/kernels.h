/* The names of all kernels. A new one is added here, and to the file of its stem. */
#ifndef FASTNN_KERNELS_H
#define FASTNN_KERNELS_H

/* The kernels, by stem: csrc/kernels/<stem>.c defines exactly its own list. */
#define FNN_ELEMENTWISE(X)                                                                         \
    X(accumulate)                                                                                  \
    X(copy_forward)                                                                                \
    X(neg_forward)                                                                                 \
    X(abs_forward)                                                                                 \
    X(exp_forward)                                                                                 \
    X(expm1_forward)                                                                               \
    X(log_forward)                                                                                 \
    X(log1p_forward)                                                                               \
    X(log2_forward)                                                                                \
    X(log10_forward)                                                                               \
    X(sqrt_forward)                                                                                \
    X(rsqrt_forward)                                                                               \
    X(square_forward)                                                                              \
    X(reciprocal_forward)                                                                          \
    X(sign_forward)                                                                                \
    X(sin_forward)                                                                                 \
    X(cos_forward)                                                                                 \
    X(tan_forward)                                                                                 \
    X(floor_forward)                                                                               \
    X(ceil_forward)                                                                                \
    X(round_forward)                                                                               \
    X(trunc_forward)                                                                               \
    X(erf_forward)                                                                                 \
    X(clamp_forward)                                                                               \
    X(clamp_backward)                                                                              \
    X(abs_backward)                                                                                \
    X(expm1_backward)                                                                              \
    X(log_backward)                                                                                \
    X(log1p_backward)                                                                              \
    X(sqrt_backward)                                                                               \
    X(rsqrt_backward)                                                                              \
    X(square_backward)                                                                             \
    X(reciprocal_backward)                                                                         \
    X(sin_backward)                                                                                \
    X(cos_backward)                                                                                \
    X(tan_backward)                                                                                \
    X(erf_backward)                                                                                \
    X(add_forward)                                                                                 \
    X(sub_forward)                                                                                 \
    X(mul_forward)                                                                                 \
    X(div_forward)                                                                                 \
    X(pow_forward)                                                                                 \
    X(fmod_forward)                                                                                \
    X(remainder_forward)                                                                           \
    X(floor_divide_forward)                                                                        \
    X(maximum_forward)                                                                             \
    X(minimum_forward)                                                                             \
    X(add_scaled)                                                                                  \
    X(lerp_forward)                                                                                \
    X(addcmul_forward)                                                                             \
    X(addcdiv_forward)                                                                             \
    X(where_forward)                                                                               \
    X(div_backward)                                                                                \
    X(pow_backward)                                                                                \
    X(pow_exponent_backward)                                                                       \
    X(maximum_backward)                                                                            \
    X(eq_forward)                                                                                  \
    X(ne_forward)                                                                                  \
    X(lt_forward)                                                                                  \
    X(le_forward)                                                                                  \
    X(gt_forward)                                                                                  \
    X(ge_forward)
#define FNN_ACTIVATION(X)                                                                          \
    X(relu_forward)                                                                                \
    X(relu_backward)                                                                               \
    X(sigmoid_forward)                                                                             \
    X(sigmoid_backward)                                                                            \
    X(tanh_forward)                                                                                \
    X(tanh_backward)                                                                               \
    X(leaky_relu_forward)                                                                          \
    X(leaky_relu_backward)                                                                         \
    X(elu_forward)                                                                                 \
    X(elu_backward)                                                                                \
    X(silu_forward)                                                                                \
    X(silu_backward)                                                                               \
    X(mish_forward)                                                                                \
    X(mish_backward)                                                                               \
    X(gelu_forward)                                                                                \
    X(gelu_backward)                                                                               \
    X(gelu_tanh_forward)                                                                           \
    X(gelu_tanh_backward)                                                                          \
    X(softplus_forward)                                                                            \
    X(softplus_backward)                                                                           \
    X(logsigmoid_forward)                                                                          \
    X(logsigmoid_backward)                                                                         \
    X(softsign_forward)                                                                            \
    X(softsign_backward)                                                                           \
    X(hardtanh_forward)                                                                            \
    X(hardtanh_backward)                                                                           \
    X(hardsigmoid_forward)                                                                         \
    X(hardsigmoid_backward)                                                                        \
    X(hardswish_forward)                                                                           \
    X(hardswish_backward)                                                                          \
    X(threshold_forward)                                                                           \
    X(threshold_backward)                                                                          \
    X(hardshrink_forward)                                                                          \
    X(hardshrink_backward)                                                                         \
    X(softshrink_forward)                                                                          \
    X(softshrink_backward)                                                                         \
    X(tanhshrink_forward)                                                                          \
    X(tanhshrink_backward)                                                                         \
    X(prelu_forward)                                                                               \
    X(prelu_backward)                                                                              \
    X(prelu_slope_backward)                                                                        \
    X(swish_forward)                                                                               \
    X(swish_backward)                                                                              \
    X(swish_beta_backward)                                                                         \
    X(glu_forward)                                                                                 \
    X(glu_backward)
#define FNN_LINEAR(X)                                                                              \
    X(matmul)                                                                                      \
    X(strip_sums)                                                                                  \
    X(column_sums)
#define FNN_REDUCE(X)                                                                              \
    X(sum)                                                                                         \
    X(sum_squares)                                                                                 \
    X(sum_abs)                                                                                     \
    X(prod)                                                                                        \
    X(amax)                                                                                        \
    X(amin)                                                                                        \
    X(any)                                                                                         \
    X(all)                                                                                         \
    X(max_position)                                                                                \
    X(min_position)                                                                                \
    X(var)                                                                                         \
    X(var_merge)                                                                                   \
    X(logsumexp)                                                                                   \
    X(cumsum)                                                                                      \
    X(sum_backward)                                                                                \
    X(sum_abs_backward)                                                                            \
    X(centred_backward)                                                                            \
    X(logsumexp_backward)                                                                          \
    X(pick_backward)                                                                               \
    X(ties_backward)                                                                               \
    X(prod_backward)
#define FNN_SHAPE(X) X(strided_copy) X(cast) X(fill) X(triangle)
#define FNN_INDEX(X)                                                                               \
    X(index_check)                                                                                 \
    X(linear_index)                                                                                \
    X(gather_rows)                                                                                 \
    X(scatter_rows)                                                                                \
    X(scatter_add_rows)                                                                            \
    X(gather_dim)                                                                                  \
    X(scatter_dim)                                                                                 \
    X(scatter_add_dim)                                                                             \
    X(masked_fill)
#define FNN_NORM(X)                                                                                \
    X(layer_norm_forward)                                                                          \
    X(layer_norm_backward)                                                                         \
    X(rms_norm_forward)                                                                            \
    X(rms_norm_backward)                                                                           \
    X(norm_parameters)
#define FNN_BATCHNORM(X)                                                                           \
    X(batch_norm_forward)                                                                          \
    X(batch_norm_count)                                                                            \
    X(batch_norm_backward)                                                                         \
    X(batch_rows_moments)                                                                          \
    X(batch_rows_statistics)                                                                       \
    X(batch_rows_normalize)                                                                        \
    X(batch_rows_sums)                                                                             \
    X(batch_rows_parameters)                                                                       \
    X(batch_rows_gradient)
#define FNN_EMBEDDING(X)                                                                           \
    X(embedding_forward)                                                                           \
    X(embedding_backward)
#define FNN_DROPOUT(X)                                                                             \
    X(random_uniform)                                                                              \
    X(random_normal)                                                                               \
    X(random_trunc_normal)                                                                         \
    X(random_bernoulli)                                                                            \
    X(random_integers)                                                                             \
    X(random_permutation)                                                                          \
    X(dropout_forward)                                                                             \
    X(dropout_backward)                                                                            \
    X(dropout_again)                                                                               \
    X(alpha_dropout_forward)
#define FNN_LOSS(X)                                                                                \
    X(softmax_forward)                                                                             \
    X(softmax_backward)                                                                            \
    X(log_softmax_forward)                                                                         \
    X(log_softmax_backward)                                                                        \
    X(cross_entropy_forward)                                                                       \
    X(cross_entropy_backward)                                                                      \
    X(cross_entropy_soft_forward)                                                                  \
    X(cross_entropy_soft_backward)                                                                 \
    X(nll_forward)                                                                                 \
    X(nll_backward)                                                                                \
    X(loss_fold)                                                                                   \
    X(range_check)
#define FNN_ELEMENT_LOSS(X)                                                                        \
    X(mse_loss_forward)                                                                            \
    X(mse_loss_backward)                                                                           \
    X(l1_loss_forward)                                                                             \
    X(l1_loss_backward)                                                                            \
    X(smooth_l1_loss_forward)                                                                      \
    X(smooth_l1_loss_backward)                                                                     \
    X(huber_loss_forward)                                                                          \
    X(huber_loss_backward)                                                                         \
    X(asymmetric_huber_loss_forward)                                                               \
    X(asymmetric_huber_loss_backward)                                                              \
    X(quantile_loss_forward)                                                                       \
    X(quantile_loss_backward)                                                                      \
    X(wing_loss_forward)                                                                           \
    X(wing_loss_backward)                                                                          \
    X(bce_loss_forward)                                                                            \
    X(bce_loss_backward)                                                                           \
    X(bce_with_logits_loss_forward)                                                                \
    X(bce_with_logits_loss_backward)                                                               \
    X(kl_div_loss_forward)                                                                         \
    X(kl_div_loss_backward)                                                                        \
    X(kl_div_log_loss_forward)                                                                     \
    X(kl_div_log_loss_backward)                                                                    \
    X(hinge_loss_forward)                                                                          \
    X(hinge_loss_backward)                                                                         \
    X(soft_margin_loss_forward)                                                                    \
    X(soft_margin_loss_backward)                                                                   \
    X(poisson_loss_forward)                                                                        \
    X(poisson_loss_backward)                                                                       \
    X(poisson_log_loss_forward)                                                                    \
    X(poisson_log_loss_backward)
#define FNN_MARGIN_LOSS(X)                                                                         \
    X(multi_margin_forward)                                                                        \
    X(multi_margin_backward)                                                                       \
    X(multilabel_margin_forward)                                                                   \
    X(multilabel_margin_backward)
#define FNN_OPTIM(X)                                                                               \
    X(sgd_advance)                                                                                 \
    X(sgd_update)                                                                                  \
    X(adagrad_advance)                                                                             \
    X(adagrad_update)                                                                              \
    X(rmsprop_advance)                                                                             \
    X(rmsprop_update)                                                                              \
    X(adam_advance)                                                                                \
    X(adam_update)
#define FNN_ADAPTIVE(X)                                                                            \
    X(adadelta_advance)                                                                            \
    X(adadelta_update)                                                                             \
    X(adamax_advance)                                                                              \
    X(adamax_update)                                                                               \
    X(nadam_advance)                                                                               \
    X(nadam_update)                                                                                \
    X(radam_advance)                                                                               \
    X(radam_update)                                                                                \
    X(rprop_advance)                                                                               \
    X(rprop_update)                                                                                \
    X(lion_advance)                                                                                \
    X(lion_update)                                                                                 \
    X(asgd_advance)                                                                                \
    X(asgd_update)
#define FNN_CLIP(X)                                                                                \
    X(norm_partial)                                                                                \
    X(norm_finish)                                                                                 \
    X(norm_gate)                                                                                   \
    X(scale_values)                                                                                \
    X(clamp_values)                                                                                \
    X(zero_values)
#define FNN_AVERAGE(X) X(average_weight) X(average_update) X(average_integers)

#define FNN_LIMIT(X) X(multiply_add)
#define FNN_CONV(X) X(conv_forward) X(conv_weight_backward) X(conv_bias_backward)
#define FNN_POOL(X)                                                                                \
    X(max_pool_forward) X(max_pool_backward) X(avg_pool_forward) X(avg_pool_backward)

#define FNN_RESIZE(X) X(resize_forward) X(resize_backward)
#define FNN_PATCHES(X) X(unfold_forward) X(fold_forward)
#define FNN_SCAN(X) X(linear_scan) X(extreme_scan) X(logcumsumexp)
#define FNN_SPECIAL(X)                                                                             \
    X(asin_forward)                                                                                \
    X(acos_forward)                                                                                \
    X(atan_forward)                                                                                \
    X(sinh_forward)                                                                                \
    X(cosh_forward)                                                                                \
    X(asinh_forward)                                                                               \
    X(acosh_forward)                                                                               \
    X(atanh_forward)                                                                               \
    X(exp2_forward)                                                                                \
    X(erfc_forward)                                                                                \
    X(erfinv_forward)                                                                              \
    X(lgamma_forward)                                                                              \
    X(digamma_forward)                                                                             \
    X(polygamma_forward)                                                                           \
    X(atan2_forward)                                                                               \
    X(hypot_forward)                                                                               \
    X(copysign_forward)                                                                            \
    X(logaddexp_forward)
#define FNN_RECURRENT(X) X(recurrent_pack) X(recurrent_forward) X(recurrent_backward)
#define FNN_ATTENTION(X) X(attention_forward) X(attention_backward)
#define FNN_INTEGER(X) X(integer_binary) X(integer_where) X(integer_sum)
#define FNN_ORDER(X) X(order_rows)
#define FNN_CTC(X) X(ctc_forward) X(ctc_backward)
#define FNN_BAG(X) X(bag_forward) X(bag_backward) X(bag_factor_backward)
#define FNN_GROUP(X) X(group_norm_forward) X(group_norm_backward)
#define FNN_WARP(X) X(grid_sample_forward) X(grid_sample_backward) X(grid_sample_places_backward)

#define FNN_STEMS(S)                                                                               \
    S(elementwise, FNN_ELEMENTWISE)                                                                \
    S(activation, FNN_ACTIVATION)                                                                  \
    S(linear, FNN_LINEAR)                                                                          \
    S(limit, FNN_LIMIT)                                                                            \
    S(conv, FNN_CONV)                                                                              \
    S(pool, FNN_POOL)                                                                              \
    S(reduce, FNN_REDUCE)                                                                          \
    S(shape, FNN_SHAPE)                                                                            \
    S(index, FNN_INDEX)                                                                            \
    S(norm, FNN_NORM)                                                                              \
    S(batchnorm, FNN_BATCHNORM)                                                                    \
    S(embedding, FNN_EMBEDDING)                                                                    \
    S(dropout, FNN_DROPOUT)                                                                        \
    S(loss, FNN_LOSS)                                                                              \
    S(element_loss, FNN_ELEMENT_LOSS)                                                              \
    S(margin_loss, FNN_MARGIN_LOSS)                                                                \
    S(optim, FNN_OPTIM)                                                                            \
    S(adaptive, FNN_ADAPTIVE)                                                                      \
    S(clip, FNN_CLIP)                                                                              \
    S(average, FNN_AVERAGE)                                                                        \
    S(patches, FNN_PATCHES)                                                                        \
    S(resize, FNN_RESIZE)                                                                          \
    S(scan, FNN_SCAN)                                                                              \
    S(special, FNN_SPECIAL)                                                                        \
    S(recurrent, FNN_RECURRENT)                                                                    \
    S(attention, FNN_ATTENTION)                                                                    \
    S(integer, FNN_INTEGER)                                                                        \
    S(order, FNN_ORDER)                                                                            \
    S(ctc, FNN_CTC)                                                                                \
    S(bag, FNN_BAG)                                                                                \
    S(group, FNN_GROUP)                                                                            \
    S(warp, FNN_WARP)

#endif
