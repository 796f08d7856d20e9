import type { FastifyReply } from 'fastify';

/** An RFC 9457 problem: what went wrong, said once, in a form that programs can read. */
export interface Problem {
  /** URI reference of the kind of problem; default `about:blank`. */
  readonly type?: string;
  readonly status: number;
  readonly title: string;
  readonly detail?: string;
  readonly [member: string]: unknown;
}

/** Sends a problem document. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', ...problem }));
}

/** Thrown by anything below a route to answer with a problem. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }
}
