import com.google.protobuf.ByteString;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import software.amazon.event.ruler.Ruler;
import software.amazon.kinesis.retrieval.AggregatorUtil;
import software.amazon.kinesis.retrieval.KinesisClientRecord;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Answers each line of its input with a line: what the services' own code makes of it. */
public final class Oracles {
    private static final Base64.Encoder ENCODER = Base64.getEncoder();
    private static final Base64.Decoder DECODER = Base64.getDecoder();

    private interface Oracle {
        String answer(String[] fields) throws Exception;
    }

    public static void main(final String[] args) throws Exception {
        final Oracle oracle = args[0].equals("kcl") ? Oracles::deaggregate : Oracles::matches;
        final BufferedReader in = new BufferedReader(new InputStreamReader(System.in, UTF_8), 1 << 20);
        final BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, UTF_8), 1 << 20);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.write(oracle.answer(line.split(" ")));
            out.write('\n');
        }
        out.flush();
    }

    /** Hash range and data in; partition key, explicit hash key and data of each record out, or "raw". */
    private static String deaggregate(final String[] fields) {
        final KinesisClientRecord record = KinesisClientRecord.builder()
                .partitionKey("a")
                .sequenceNumber("1")
                .data(ByteBuffer.wrap(bytes(fields, 2)))
                .build();
        final List<KinesisClientRecord> records =
                new AggregatorUtil().deaggregate(List.of(record), new BigInteger(fields[0]), new BigInteger(fields[1]));
        if (records.size() == 1 && records.get(0) == record) {
            return "raw";
        }
        final StringBuilder answer = new StringBuilder("records");
        long subSequence = 0;
        for (final KinesisClientRecord user : records) {
            if (user.subSequenceNumber() != subSequence++) {
                throw new IllegalStateException("sub-sequences are not consecutive");
            }
            answer.append(' ').append(ENCODER.encodeToString(user.partitionKey().getBytes(UTF_8)));
            answer.append(',').append(user.explicitHashKey() == null ? "-" : ENCODER.encodeToString(user.explicitHashKey().getBytes(UTF_8)));
            answer.append(',').append(ENCODER.encodeToString(ByteString.copyFrom(user.data()).toByteArray()));
        }
        return answer.toString();
    }

    /** Event and pattern in; whether they match out, or "invalid". */
    private static String matches(final String[] fields) {
        try {
            return String.valueOf(Ruler.matchesRule(new String(bytes(fields, 0), UTF_8), new String(bytes(fields, 1), UTF_8)));
        } catch (Exception e) {
            return "invalid";
        }
    }

    private static byte[] bytes(final String[] fields, final int index) {
        return index < fields.length ? DECODER.decode(fields[index]) : new byte[0];
    }
}
