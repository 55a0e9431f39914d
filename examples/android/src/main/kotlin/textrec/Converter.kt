package textrec

import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.round
import org.json.JSONObject

/** An image: ARGB, 8 bits a channel, row by row, as `Bitmap.getPixels` gives it. */
class Pixels(val width: Int, val height: Int, val argb: IntArray) {
    /** The image after so many quarter turns counterclockwise. */
    fun turned(turns: Int): Pixels {
        if (turns == 0) return this
        val (across, down) = if (turns % 2 == 0) width to height else height to width
        // Where in the image the first pixel is, and the steps from it to the right and down.
        val start = listOf(0, width - 1, height * width - 1, (height - 1) * width)[turns]
        val (right, below) = listOf(1 to width, width to -1, -1 to -width, -width to 1)[turns]
        return Pixels(across, down, IntArray(argb.size) { argb[start + it % across * right + it / across * below] })
    }
}

/** What the network takes: RGB, row by row, of which the first `filled` columns are the image. */
class Canvas(val filled: Int, val rgb: ByteArray)

/** Brings images onto the network's canvas, as the file's metadata say under `converter`. */
class Converter(private val values: JSONObject) {
    private val height = values.getInt("height")
    private val width = values.getInt("width")

    /** The image, a quarter turned to the left if it is so high that its text must run downwards. */
    private fun upright(image: Pixels): Pixels {
        val limit = values.optDouble("turn_above", 0.0)
        return if (limit > 0 && image.height > limit * image.width) image.turned(1) else image
    }

    /** The resized image, and nothing beside it. The numbers are those of OpenCV's bilinear `resize`. */
    fun convert(given: Pixels): Canvas {
        val image = upright(given)
        val filled = filledColumns(image)
        val columns = weights(image.width, filled, outermostAlone = true)
        val rows = weights(image.height, height, outermostAlone = false)
        val rgb = ByteArray(height * width * 3)
        rows.forEachIndexed { y, row ->
            columns.forEachIndexed { x, column ->
                for (channel in 0..2) {
                    fun across(line: Int): Int {
                        val first = image.level(column.first, line, channel) * column.firstShare
                        return first + image.level(column.second, line, channel) * column.secondShare shr 4
                    }
                    val first = across(row.first) * row.firstShare shr 16
                    val second = across(row.second) * row.secondShare shr 16
                    rgb[(y * width + x) * 3 + channel] = (first + second + 2 shr 2).toByte()
                }
            }
        }
        return Canvas(filled, rgb)
    }

    private fun filledColumns(image: Pixels): Int {
        if (values.getString("resize") == "stretch") return width
        val step = values.getInt("round_width_to")
        val wanted = ceil(height * (image.width.toDouble() / image.height))
        return (round(wanted / step).toInt() * step).coerceAtLeast(values.getInt("minimum_width")).coerceAtMost(width)
    }

    /** The two pixels that a resized one is made of, and the share of each, in parts of 2048. */
    private class Weights(val first: Int, val second: Int, val firstShare: Int, val secondShare: Int)

    private fun weights(size: Int, resized: Int, outermostAlone: Boolean) = List(resized) {
        val place = ((it + 0.5) * (size.toDouble() / resized) - 0.5).toFloat()
        val first = floor(place).toInt()
        val alone = outermostAlone && (first < 0 || first >= size - 1)
        val share = if (alone) 0f else place - floor(place)
        val start = if (outermostAlone) first.coerceAtLeast(0) else first
        Weights(
            start.coerceIn(0, size - 1), (start + 1).coerceIn(0, size - 1),
            round((1 - share) * 2048).toInt(), round(share * 2048).toInt(),
        )
    }
}

/** One channel of a pixel (0 is red), over white where the image is transparent. */
private fun Pixels.level(x: Int, y: Int, channel: Int): Int {
    val pixel = argb[y * width + x]
    val alpha = pixel ushr 24
    val level = pixel shr 16 - 8 * channel and 255
    return (level * alpha + 255 * (255 - alpha) + 127) / 255
}
