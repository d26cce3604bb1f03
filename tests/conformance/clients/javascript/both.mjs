// Opens the message that comes in, with the key of the first argument, and seals anew what was in it.
import { buildClient, CommitmentPolicy, KmsKeyringNode } from "@aws-crypto/client-node";

const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const keyring = new KmsKeyringNode({ generatorKeyId: process.argv[2] });
const parts = [];
for await (const part of process.stdin) parts.push(part);
const { plaintext, messageHeader } = await decrypt(keyring, Buffer.concat(parts));
if (messageHeader.encryptionContext.tenant !== "a") throw new Error("another context");
process.stdout.write((await encrypt(keyring, plaintext)).result);
