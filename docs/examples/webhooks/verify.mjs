import { createHmac, timingSafeEqual } from "node:crypto";

/** Whether a delivery is signed with a secret and at most five minutes old. `headers` as Node.js has them, `body` the bytes as they came. */
export function isGenuine(headers, body, secret, now = Date.now()) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures = "" } = headers;
  if (!(Math.abs(now / 1000 - Number(timestamp)) < 300)) return false;
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const code = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature.slice("v1,".length), "base64");
    return signature.startsWith("v1,") && given.length === code.length && timingSafeEqual(given, code);
  });
}
