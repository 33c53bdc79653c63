import type { Circle } from './circles.ts'
import type { Lane, LaneEvents } from './lane.ts'
import type { LoadPlan } from './load-plan.ts'
import type { Message } from './message.ts'
import type { Person } from './people.ts'
import { streamLane } from './stream-lane.ts'
import { goesByCall } from './submit-way.ts'
import { unaryLane } from './unary-lane.ts'

/** A lane for each sender. */
export function openLanes(
  writing: readonly Circle<Person>[],
  { submit, answerWithinMs }: LoadPlan,
  frame: number,
  events: LaneEvents,
) {
  const lanes = new Map<Person, Lane>()
  for (const { sender } of writing) {
    const open = goesByCall(submit, sender.user) ? unaryLane : streamLane
    lanes.set(sender, open(sender.account, events, { frame, answerWithinMs }))
  }
  return {
    /** Each sender's part of them as one batch, in their order. */
    push(batch: readonly Message[]) {
      for (const [sender, own] of Map.groupBy(batch, (message) => message.sender)) {
        lanes.get(sender)?.push(own)
      }
    },
    check(now: number) {
      for (const lane of lanes.values()) lane.check(now)
    },
    async close() {
      await Promise.all([...lanes.values()].map((lane) => lane.close()))
    },
  }
}
