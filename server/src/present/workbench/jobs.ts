import type { FastifyBaseLogger } from 'fastify'
import { CodedError } from '../../event/errors.ts'
import { createRuleJob } from '../../state/rule-jobs/create.ts'
import type { RuleJob } from '../../state/rule-jobs/job.ts'
import { noteRuleJob } from '../../state/rule-jobs/note.ts'
import type { Context } from '../../state/write.ts'
import type { Dependencies } from '../dependencies.ts'

/** What a job is given to tell of itself, and to hear that it is not wanted any more. */
export interface JobTools {
  signal: AbortSignal
  progress(done: number, total: number): Promise<void>
}

type Work = (tools: JobTools) => Promise<Record<string, unknown>>

/** Long work, one at a time, so that the stream and the people in front of the screen keep the machine. */
export class RuleJobs {
  readonly #dependencies: Dependencies
  readonly #logger: FastifyBaseLogger
  readonly #running = new Map<number, AbortController>()
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#logger = dependencies.logger
  }

  /** Notes the job and lets it begin when those before it are done. */
  async start(
    context: Context,
    facts: { kind: RuleJob['kind']; ruleId: string | null; input: Record<string, unknown> },
    work: Work,
  ): Promise<RuleJob> {
    const job = await createRuleJob(context, facts)
    const controller = new AbortController()
    this.#running.set(job.id, controller)
    this.#turn = this.#turn.then(() => this.#run(job.id, controller, work))
    return job
  }

  /** The job hears that it is cancelled; that it is, is noted by the caller. */
  abort(id: number): void {
    this.#running.get(id)?.abort()
  }

  async close(): Promise<void> {
    this.#closed = true
    const reason = new CodedError('STOPPING', 'The program ended while this was at work; start it again')
    for (const controller of this.#running.values()) controller.abort(reason)
    await this.#turn
  }

  async #run(id: number, controller: AbortController, work: Work): Promise<void> {
    const { database, clock } = this.#dependencies
    const { signal } = controller
    try {
      if (signal.aborted) return
      await noteRuleJob(database, id, { status: 'running' })
      const progress = async (done: number, total: number) => {
        signal.throwIfAborted()
        await noteRuleJob(database, id, { done, total })
      }
      const result = await work({ signal, progress })
      await noteRuleJob(database, id, { status: 'done', result, endedAt: new Date(clock.now()) })
    } catch (error) {
      await this.#failed(id, signal, error)
    } finally {
      this.#running.delete(id)
    }
  }

  async #failed(id: number, signal: AbortSignal, error: unknown): Promise<void> {
    const { database, clock } = this.#dependencies
    // Cancelled by a person: the store says so already. By the end of the program: the next start says so.
    if (signal.aborted || this.#closed) return
    const isCoded = error instanceof CodedError
    if (!isCoded) this.#logger.error({ err: error, job: id }, 'a job on rules failed')
    const problem = isCoded
      ? { code: error.code, message: error.message }
      : { code: 'INTERNAL', message: 'It failed; see the server log' }
    try {
      await noteRuleJob(database, id, { status: 'failed', problem, endedAt: new Date(clock.now()) })
    } catch (failure) {
      this.#logger.error({ err: failure, job: id }, 'the failure of a job could not be noted')
    }
  }
}
