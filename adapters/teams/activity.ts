import { z } from 'zod'

/**
 * What Teams sends, as far as we use it. Everything else is dropped here, so nothing later depends on fields that were
 * never looked at. Limits are far above what Teams sends.
 */
const id = z.string().min(1).max(1_024)
const name = z.string().max(1_024)

const account = z.object({
  id,
  name: name.nullish(),
  aadObjectId: z.string().max(100).nullish(),
  role: z.string().max(100).nullish(),
})

const entity = z.object({
  type: z.string().max(200).nullish(),
  text: z.string().max(10_000).nullish(),
  mentioned: account.partial().nullish(),
})

const attachment = z.object({
  contentType: z.string().max(500).nullish(),
  name: z.string().max(1_024).nullish(),
})

export const activitySchema = z.object({
  type: z.string().min(1).max(100),
  id: id.nullish(),
  timestamp: z.string().max(100).nullish(),
  channelId: z.string().max(100),
  serviceUrl: z.string().max(2_048).nullish(),
  from: account,
  recipient: account.nullish(),
  conversation: z.object({
    id,
    conversationType: z.string().max(100).nullish(),
    isGroup: z.boolean().nullish(),
    tenantId: z.string().max(100).nullish(),
  }),
  text: z.string().nullish(),
  textFormat: z.string().max(100).nullish(),
  entities: z.array(entity).max(1_000).nullish().catch(null),
  attachments: z.array(attachment).max(1_000).nullish().catch(null),
  replyToId: id.nullish(),
  name: z.string().max(200).nullish(),
  action: z.string().max(100).nullish(),
  value: z.unknown().optional(),
  membersAdded: z.array(account.partial()).max(10_000).nullish().catch(null),
  membersRemoved: z.array(account.partial()).max(10_000).nullish().catch(null),
  channelData: z
    .object({
      eventType: z.string().max(100).nullish(),
      tenant: z.object({ id: z.string().max(100).nullish() }).nullish(),
      team: z.object({ id: id.nullish() }).nullish().catch(null),
      channel: z
        .object({ id: id.nullish(), type: z.string().max(100).nullish() })
        .nullish()
        .catch(null),
    })
    .nullish(),
})

export type Activity = z.infer<typeof activitySchema>
export type Account = z.infer<typeof account>
export type Entity = z.infer<typeof entity>

export function tenantOf(activity: Activity): string | undefined {
  return activity.channelData?.tenant?.id ?? activity.conversation.tenantId ?? undefined
}
