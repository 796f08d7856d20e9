import type { LimiterAnswer, LimiterAnswerNow, LimiterDecided, LimiterStep } from '@headgate/core';

const answerFields = ['allowed', 'granted', 'reason', 'violated', 'retryAtUs', 'remaining', 'resetAtUs'] as const;
const clocks = ['nowUs', 'atUs'] as const;
const knownFields = new Set<string>([...answerFields, 'readings', ...clocks]);

/** The first way in which a store's result is not the reference's, as a sentence; `undefined` when there is none. */
export function describeDifference(
  step: LimiterStep,
  actual: LimiterDecided,
  expected: LimiterDecided,
): string | undefined {
  const at = `at ${actual.nowUs}`;
  if (!Number.isSafeInteger(actual.nowUs)) return `nowUs is ${actual.nowUs}, not an integer of microseconds`;
  if (actual.atUs !== expected.atUs) return `${at}: atUs is ${actual.atUs}, the reference says ${expected.atUs}`;
  if (actual.answers.length !== step.ops.length)
    return `${step.ops.length} operations came back as ${actual.answers.length} answers`;
  for (const [i, op] of step.ops.entries()) {
    const difference =
      answerDifference(actual.answers[i] as LimiterAnswer, expected.answers[i] as LimiterAnswer, step.limits.length) ??
      clockDifference(actual.answers[i] as LimiterAnswer, actual);
    if (difference !== undefined)
      return `${at}, operation ${i + 1} of ${step.ops.length}, ${JSON.stringify(op)} on ${step.limits.map(({ kind }) => kind).join(' + ')}: ${difference}`;
  }
  return undefined;
}

/** An answer may bring its step's clocks along, but no others. */
function clockDifference(answer: LimiterAnswer, decided: LimiterDecided): string | undefined {
  const own: Partial<LimiterAnswerNow> = answer;
  const wrong = clocks.find((clock) => own[clock] !== undefined && own[clock] !== decided[clock]);
  return wrong && `the answer's ${wrong} is ${own[wrong]}, its step's ${decided[wrong]}`;
}

function answerDifference(actual: LimiterAnswer, expected: LimiterAnswer, limits: number): string | undefined {
  for (const field of answerFields) {
    if (actual[field] !== expected[field]) return `${field} is ${actual[field]}, the reference says ${expected[field]}`;
  }
  const unknown = Object.keys(actual).find((field) => !knownFields.has(field));
  if (unknown !== undefined) return `the answer has a field '${unknown}' that is not in the contract`;
  const { readings } = actual;
  if (readings === undefined) return limits === 1 ? undefined : 'readings are missing, with several limits';
  for (const [i, reading] of (expected.readings ?? []).entries()) {
    const { remaining, resetAtUs } = readings[i] ?? { remaining: undefined, resetAtUs: undefined };
    if (remaining !== reading.remaining)
      return `readings[${i}].remaining is ${remaining}, the reference says ${reading.remaining}`;
    if (resetAtUs !== reading.resetAtUs)
      return `readings[${i}].resetAtUs is ${resetAtUs}, the reference says ${reading.resetAtUs}`;
  }
  return readings.length === limits ? undefined : `${limits} limits came back as ${readings.length} readings`;
}
