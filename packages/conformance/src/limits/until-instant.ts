import type { LimiterAnswerNow } from '@headgate/core';
import type { LimiterContext } from './context.js';

/** How far ahead of an instant to begin asking again and again when time is waited for, microseconds. */
const approachUs = 4000;

/**
 * Asks just before and at `instantUs` and hands each answer to `check` with whether its clock had reached the instant. A movable
 * clock is set to the tick before and the tick itself; otherwise the store is asked again and again across the instant, and its own
 * `nowUs` says on which side each answer lies. Either way the claim is exact, and no machine is too slow for it.
 */
export async function untilInstant(
  { clock, pass }: LimiterContext,
  instantUs: number,
  ask: () => Promise<LimiterAnswerNow>,
  check: (answer: LimiterAnswerNow, reached: boolean) => void,
): Promise<void> {
  if (clock) {
    clock.setWallUs(instantUs - 1);
    check(await ask(), false);
    clock.setWallUs(instantUs);
    check(await ask(), true);
    return;
  }
  for (;;) {
    const answer = await ask();
    const reached = answer.nowUs >= instantUs;
    check(answer, reached);
    if (reached) return;
    const leftUs = instantUs - answer.nowUs;
    if (leftUs > approachUs) await pass(leftUs - approachUs);
    // A store in this process would otherwise starve the event loop until the instant.
    else await new Promise<void>((resolve) => void setImmediate(resolve));
  }
}
