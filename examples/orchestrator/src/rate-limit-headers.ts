import type { Decision } from '@headgate/core';

/** Seconds of a header, rounded up so that nobody comes back too soon. */
function seconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}

/**
 * `RateLimit-Policy`, `RateLimit` and, on a denial, `Retry-After`, as draft-ietf-httpapi-ratelimit-headers-10 has them: one item per limit. Limit names
 * are configured and need no escaping.
 */
export function rateLimitHeaders(decision: Decision): Record<string, string> {
  const policy = decision.policies.map(
    ({ name, limit, windowMs }) => `"${name}";q=${limit};w=${Math.max(1, seconds(windowMs))}`,
  );
  const state = decision.policies.map(
    ({ name, remaining, resetAtMs }) => `"${name}";r=${remaining};t=${seconds(resetAtMs - decision.atMs)}`,
  );
  const headers: Record<string, string> = { 'RateLimit-Policy': policy.join(', '), RateLimit: state.join(', ') };
  if (!decision.allowed && Number.isFinite(decision.retryAfterMs)) {
    headers['Retry-After'] = String(Math.max(1, seconds(decision.retryAfterMs)));
  }
  return headers;
}
