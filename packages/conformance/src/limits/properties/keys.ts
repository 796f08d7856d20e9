import assert from 'node:assert/strict';
import { fixedWindow } from '@headgate/core';
import type { LimiterStep } from '@headgate/core';
import type { Property } from '../../suite/property.js';
import type { LimiterContext } from '../context.js';

const once = fixedWindow({ limit: 1, windowMs: 86_400_000 });

/** Asks every key once: all of them in turn, in batches as large as the store takes. */
async function consumeEach(context: LimiterContext, keys: readonly string[]): Promise<readonly boolean[]> {
  const size = Math.min(20, context.store.capabilities.maxBatchSteps);
  const allowed: boolean[] = [];
  for (let from = 0; from < keys.length; from += size) {
    const steps = keys
      .slice(from, from + size)
      .map((key): LimiterStep => ({ key, limits: [once], ops: [{ kind: 'consume', cost: 1 }] }));
    for (const { answers } of await context.batch(steps)) allowed.push(answers[0]?.allowed === true);
  }
  return allowed;
}

async function assertDistinct(context: LimiterContext, keys: readonly string[]): Promise<void> {
  assert.equal(new Set(keys).size, keys.length, 'the property itself repeats a key');
  for (const [i, allowed] of (await consumeEach(context, keys)).entries())
    assert.ok(allowed, `the key ${show(keys[i] as string)} was spent through another key`);
  for (const [i, allowed] of (await consumeEach(context, keys)).entries())
    assert.ok(!allowed, `the key ${show(keys[i] as string)} was not remembered`);
}

function show(key: string): string {
  const text = JSON.stringify(key);
  return text.length > 80 ? `${text.slice(0, 40)}...${text.slice(-30)}` : text;
}

function keysProperty(
  id: string,
  title: string,
  keysFrom: (base: string) => readonly string[],
): Property<LimiterContext> {
  return {
    id: `keys/${id}`,
    title,
    run: (context) => assertDistinct(context, keysFrom(context.key())),
  };
}

/** Keys that careless stores confuse. Core has refused empty, ill-formed and too long ones before a store sees them. */
export const keyProperties: readonly Property<LimiterContext>[] = [
  keysProperty('case', 'keys that differ in case alone are different keys', (base) =>
    [
      'k',
      'K',
      '\u212A',
      'stra\u00DFe',
      'STRASSE',
      'strasse',
      '\u0131',
      'i',
      'I',
      '\u0130',
      '\u03C2',
      '\u03C3',
      '\u03A3',
    ].map((tail) => base + tail),
  ),
  keysProperty('normalisation', 'keys that Unicode normalisation would merge are different keys', (base) =>
    [
      '\u00E9',
      'e\u0301',
      '\u00C5',
      'A\u030A',
      '\u212B',
      '\uFB01',
      'fi',
      '\uFF11',
      '1',
      '\uAC00',
      '\u1100\u1161',
      '\u{1F469}\u200D\u{1F4BB}',
      '\u{1F469}\u{1F4BB}',
    ].map((tail) => base + tail),
  ),
  keysProperty('prefix', 'a key that begins another, or continues it past a separator, is a different key', (base) => [
    base,
    ...['a', 'a:', 'a:b', 'a::b', ':a:b', 'ab', 'a/b', 'a.b', 'a|b', 'a#b', 'a-b', 'a_b', 'a,b', 'a;b', 'a=b'].map(
      (tail) => base + tail,
    ),
    `${base}:${base}`,
    `a${base}`,
    `a:${base}`,
    `:${base}`,
  ]),
  keysProperty('blanks', 'blanks and control characters are part of a key, at its ends too', (base) => [
    base,
    ...[' ', '  ', '\t', '\n', '\r\n', '\0', '\0\0', '\0a', '\u00A0', '\u200B', '\uFEFF', '\u007F', '\u0001'].map(
      (tail) => base + tail,
    ),
    ` ${base}`,
    `\0${base}`,
    `\uFEFF${base}`,
  ]),
  keysProperty('syntax', 'braces, globs, quotes and escapes in a key mean themselves', (base) =>
    [
      '{a}',
      '{b}',
      '{}',
      '{',
      '}',
      '*',
      '?',
      '[ab]',
      '%',
      '%41',
      'A',
      '_',
      String.raw`\x41`,
      '\\',
      "'",
      "''",
      '"',
      '`',
      '$1',
      '--',
      ';',
      '$',
      '&',
      '<',
      '>',
      '\u2028',
      '\u{1F600}',
      '\uFFFD',
    ].map((tail) => base + tail),
  ),
  {
    id: 'keys/object-names',
    title: 'names that JavaScript objects inherit, and numbers, are keys like any other',
    async run(context) {
      const keys = [
        '__proto__',
        'constructor',
        'prototype',
        'toString',
        'hasOwnProperty',
        'length',
        'null',
        'undefined',
        'NaN',
        '0',
        '-0',
        '00',
        '1',
        '1.0',
        '1e3',
        '1000',
        'true',
      ];
      // These cannot be random, so a shared server may hold them from another run.
      for (const key of keys) await context.ask(key, once, { kind: 'reset' });
      await assertDistinct(context, keys);
      for (const key of keys) await context.ask(key, once, { kind: 'reset' });
    },
  },
  keysProperty('long', 'keys of 4 kB that differ in one place are different keys', (base) => {
    const bytes = 4096;
    const wide = (bytes - base.length - 1) / 3;
    return [
      base.padEnd(bytes, 'x'),
      base.padEnd(bytes - 1, 'x'),
      `${base.padEnd(bytes - 1, 'x')}y`,
      `y${base.padEnd(bytes - 1, 'x')}`,
      base.padEnd(255, 'x'),
      base.padEnd(256, 'x'),
      base.padEnd(1024, 'x'),
      base.padEnd(2049, 'x'),
      `${base}${'世'.repeat(Math.floor(wide))}`,
      `${base}${'世'.repeat(Math.floor(wide) - 1)}界`,
    ];
  }),
];
