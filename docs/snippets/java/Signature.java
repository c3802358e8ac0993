import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Standard Webhooks signatures (v1) with the JDK only: verify what comes in, sign what goes out. */
public final class Signature {
    private static final long TOLERANCE_SECONDS = 300;

    private Signature() {}

    /** The value of {@code webhook-signature}; {@code secret} as it was shown (whsec_…), {@code body} the raw bytes. */
    public static String sign(String secret, String id, String timestamp, byte[] body)
            throws GeneralSecurityException {
        byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        return "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
    }

    /** Whether one of the secrets signed this body within five minutes of {@code now} (Unix seconds). */
    public static boolean verify(
            List<String> secrets, String id, String timestamp, String signatures, byte[] body, long now)
            throws GeneralSecurityException {
        if (id == null || id.isEmpty() || timestamp == null || signatures == null) return false;
        if (!timestamp.matches("[0-9]{1,12}")) return false;
        if (Math.abs(now - Long.parseLong(timestamp)) > TOLERANCE_SECONDS) return false;
        boolean genuine = false;
        for (String secret : secrets) {
            byte[] expected = sign(secret, id, timestamp, body).getBytes(StandardCharsets.UTF_8);
            for (String offered : signatures.split(" ")) {
                genuine |= MessageDigest.isEqual(expected, offered.getBytes(StandardCharsets.UTF_8));
            }
        }
        return genuine;
    }
}
